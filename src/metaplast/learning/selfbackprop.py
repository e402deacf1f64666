"""Self-backpropagation of synaptic plasticity: learning by two phases of settling membranes, without a gradient."""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from metaplast.learning.selfbackprop_spread import Spread, Strengths, spread
from metaplast.learning.stack import Layer, feedback, onto
from metaplast.learning.targets import one_hot
from metaplast.params import strong_float

Membranes = tuple[Array, ...]
"""Of every layer, the clamped input first: [batch, *shape] each."""


class SettlingMetrics(NamedTuple):
    """What one update measured, before it changed anything."""

    loss: Float[Array, ""]
    """Half of the squared distance between output and target, summed over outputs, mean over the batch."""
    accuracy: Float[Array, ""]
    activity: Float[Array, ""]
    """Mean of |V| of the hidden cells."""
    unrest: Float[Array, ""]
    """Largest movement of a membrane in the last iteration of the free phase: near 0 where it has settled."""


def signed_sigmoid(voltage: Array) -> Array:
    """2 / (1 + exp(-v)) - 1, between -1 and 1: the hidden cells."""
    return jnp.tanh(voltage / 2)


class SelfBackpropagation(eqx.Module):
    """Self-backpropagation (SBP) in a stack of layers.

    Free phase, `free` iterations over all layers from the first hidden one up, V_0 clamped to the input:

    V_l <- sig( V_l - eps [V_l - (V_{l-1} W_l + V_{l+1} W_{l+1}^T) - b_l] )      hidden, sig(v) = 2 / (1 + exp(-v)) - 1
    V_L <- max( V_L - eps [V_L - V_{L-1} W_L - b_L], 0 )                         output

    Nudged phase, `nudged` iterations more, with beta (V_L - y) added in the brackets of the output: V+. Then

    dW_l = V_{l-1}^T (V+_l - V_l) / (beta batch), spread as in `selfbackprop_spread.spread` from the output down;
    W_l += rate_l dW_l;   b_l += rate_l mean_batch(V+_l - V_l) / beta

    The membranes start at rest unless `start` says where (the paper: those of a LIF network that saw the input). The
    output moves *towards* the target, so all changes are added. Any linear connection serves: W^T is the transpose of
    its `apply`, and the change of a kernel is summed over its places.

    Raises:
        ValueError: not one rate a layer, fewer than one iteration, beta or eps not positive.

    Reference: Zhang et al. (2021), Science Advances 7:eabh0146, and the authors' code, from which are the activation of
    the hidden cells and of the output, the order of the layers, and all constants (rates 0.1 and 0.05).
    """

    rates: Float[Array, " layers"] = eqx.field(default=(0.1, 0.05), converter=strong_float)
    beta: float = eqx.field(default=0.5, static=True)
    eps: float = eqx.field(default=0.5, static=True)
    free: int = eqx.field(default=20, static=True)
    nudged: int = eqx.field(default=5, static=True)
    strengths: Strengths = eqx.field(default=Strengths(), static=True)

    def __check_init__(self) -> None:
        for name in ("beta", "eps", "free", "nudged"):
            if not getattr(self, name) > 0:
                raise ValueError(f"SelfBackpropagation.{name} is {getattr(self, name)}; give a positive number")

    def step(
        self, layers: Sequence[Layer], inputs: Array, target: Array, start: Membranes | None = None
    ) -> tuple[tuple[Layer, ...], SettlingMetrics]:
        """One update of all layers; `target` [batch, *output] is one-hot, or the classes as whole numbers [batch]."""
        changes, metrics = self.changes(layers, inputs, target, start)
        moved = [
            eqx.tree_at(
                lambda this: (this.weight, this.bias), layer, (layer.weight + rate * weight, layer.bias + rate * bias)
            )
            for layer, (weight, bias), rate in zip(layers, changes, self.rates, strict=True)
        ]
        return tuple(moved), metrics

    def changes(
        self, layers: Sequence[Layer], inputs: Array, target: Array, start: Membranes | None = None
    ) -> tuple[tuple[tuple[Array, Array], ...], SettlingMetrics]:
        """Changes of weight and bias of every layer before their rates, and what was measured."""
        self._check(layers)
        target = one_hot(target, layers[-1].bias.shape[-1])
        rest, unrest = self.settle(layers, inputs, start)
        pushed = self._iterate(layers, rest, target, self.nudged)[0]
        moves = [after - before for after, before in zip(pushed[1:], rest[1:], strict=True)]
        above: Spread | None = None
        found = []
        for layer, pre, move in zip(reversed(layers), reversed(rest[:-1]), reversed(moves), strict=True):
            raw = layer.connection.contract(layer.weight, pre, move) / (self.beta * inputs.shape[0])
            above = spread(raw, above, self.strengths)
            found.append((above.change, onto(layer.bias, move.mean(axis=0)) / self.beta))
        return tuple(reversed(found)), _measure(rest, target, unrest)

    def settle(
        self, layers: Sequence[Layer], inputs: Array, start: Membranes | None = None
    ) -> tuple[Membranes, Float[Array, ""]]:
        """Free phase: membranes of all layers, and how far they still moved in its last iteration."""
        begin = at_rest(layers, inputs) if start is None else start
        return self._iterate(layers, (strong_float(inputs), *begin[1:]), None, self.free)

    def respond(self, layers: Sequence[Layer], inputs: Array) -> Array:
        """Output of the free phase, [batch, *output]; the largest is the answer."""
        return self.settle(layers, inputs)[0][-1]

    def _iterate(
        self, layers: Sequence[Layer], membranes: Membranes, target: Array | None, count: int
    ) -> tuple[Membranes, Array]:
        driven = layers[0].connection.apply(layers[0].weight, membranes[0]) + layers[0].bias

        def once(_: Array, carried: tuple[Membranes, Array]) -> tuple[Membranes, Array]:
            before, _unrest = carried
            after = self._round(layers, before, driven, target)
            moved = [jnp.max(jnp.abs(a - b)) for a, b in zip(after[1:], before[1:], strict=True)]
            return after, jnp.max(jnp.stack(moved))

        return jax.lax.fori_loop(0, count, once, (membranes, jnp.zeros(())))

    def _round(self, layers: Sequence[Layer], membranes: Membranes, driven: Array, target: Array | None) -> Membranes:
        """One iteration from below: each layer sees what the one below has just become; `driven`: the first input."""
        values = list(membranes)
        for index, layer in enumerate(layers, start=1):
            below = driven if index == 1 else layer.connection.apply(layer.weight, values[index - 1]) + layer.bias
            if index < len(layers):
                pull = below + feedback(layers[index], values[index], values[index + 1])
                values[index] = signed_sigmoid(values[index] - self.eps * (values[index] - pull))
            else:
                error = 0.0 if target is None else self.beta * (values[index] - target)
                values[index] = jax.nn.relu(values[index] - self.eps * (values[index] - below + error))
        return tuple(values)

    def _check(self, layers: Sequence[Layer]) -> None:
        if len(layers) != self.rates.size:
            raise ValueError(f"there are {len(layers)} layers and {self.rates.size} rates; give one rate a layer")


def initial_layers(
    sizes: Sequence[int], gains: Sequence[float] | None = None, *, key: PRNGKeyArray
) -> tuple[Layer, ...]:
    """Dense layers with weights uniform in +- gain sqrt(6 / (pre + post)) (Glorot & Bengio, 2010) and biases of zero.

    The gains are 1 in the authors' code. The hidden cells are nearly linear then; see docs/mechanisms.md.

    Raises:
        ValueError: not one gain a layer.
    """
    gains = (1.0,) * (len(sizes) - 1) if gains is None else gains
    if len(gains) != len(sizes) - 1:
        raise ValueError(f"there are {len(sizes) - 1} layers and {len(gains)} gains; give one gain a layer")
    keys = jax.random.split(key, len(gains))
    limits = [gain * (6 / (a + b)) ** 0.5 for gain, (a, b) in zip(gains, pairwise(sizes), strict=True)]
    return tuple(
        Layer(jax.random.uniform(k, shape, minval=-limit, maxval=limit), jnp.zeros(shape[1]))
        for k, shape, limit in zip(keys, pairwise(sizes), limits, strict=True)
    )


def at_rest(layers: Sequence[Layer], inputs: Array) -> Membranes:
    """The clamped input and membranes of zero."""
    membranes = [strong_float(inputs)]
    for layer in layers:
        shape = jax.eval_shape(layer.connection.apply, layer.weight, membranes[-1])
        membranes.append(jnp.zeros(shape.shape, shape.dtype))
    return tuple(membranes)


def _measure(rest: Membranes, target: Array, unrest: Array) -> SettlingMetrics:
    output, hidden = rest[-1], rest[1:-1]
    right = output.argmax(axis=-1) == target.argmax(axis=-1)
    size = sum(value.size for value in hidden)
    activity = sum((jnp.abs(value).sum() for value in hidden), jnp.zeros(())) / max(size, 1)
    loss = 0.5 * jnp.square(output - target).sum(axis=-1).mean()
    return SettlingMetrics(loss, right.mean(), activity, unrest)
