"""e-prop as the learner of one channel of a classifier: eligibility traces, and a learning signal at the output."""

from collections.abc import Callable
from typing import Literal, NamedTuple, cast
from zlib import crc32

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, PRNGKeyArray, PyTree

from metaplast.learning.classifier import Classifier
from metaplast.learning.parts import Experience, Part, adam
from metaplast.learning.stack import onto
from metaplast.models.layered import OUTPUT, projection_name
from metaplast.network import Network, Population
from metaplast.neurons import LIF
from metaplast.neurons.base import decay
from metaplast.stepping import flat

Feedback = Literal["symmetric", "random"]


class EpropState(NamedTuple):
    optimiser: PyTree
    feedback: dict[str, Float[Array, "classes *cells"]]
    """By hidden layer, where it is random: it never learns."""


class ByEprop(Part):
    """Adam on what e-prop takes for the gradient of the loss, for one channel's weights; no other gradient is taken.

    xbar_t = a xbar_{t-1} + x_t,    e_t = psi(v_t - threshold_t) xbar_t
    hidden:  g = gain sum_t sum_batch L k^(T-t) e_t,       L = B^T err        (k: decay of the output cells)
    output:  g = gain sum_batch err xbar_T,                err = d loss / d v_T of the output cells

    The loss is a mean over the batch, so err and with it g are batch means. `feedback` is "symmetric", B being the
    weights of all channels from the layer on to the output (of a deeper layer their product, assumed), as plasticity
    has left them; or "random", B drawn once from N(0, 1 / cells). Currents enter with the factor (1 - a) R of `LIF`,
    which is 1 in `layered`. Resets and paths over later steps of other layers are left out: with one hidden layer,
    symmetric feedback and resets without a gradient, g is the exact gradient. A bias has xbar with x = 1.

    The traces are those that run along with the network; because the loss reads the last step alone, the learning
    signal is the same for all steps and their sum is one product at the end, without a trace per example and synapse.

    Reference: Bellec et al. (2020), Nature Communications 11:3625, eq. 1, 4 and 22-28; there too with Adam.

    Raises:
        ValueError: cells that are no `LIF`, have several time constants or no bias; layers that no channel joins.
    """

    layers: tuple[str, ...] = eqx.field(static=True)
    """All layers from the first to the output."""
    loss: Callable[[Array, Array], Array] = eqx.field(static=True)
    feedback: Feedback = eqx.field(default="symmetric", static=True)
    rate: float = eqx.field(default=1e-3, static=True)
    changes: int = eqx.field(default=0, static=True)
    """Changes over which the rate falls to zero, as in `ByGradient`."""
    biases: tuple[str, ...] = eqx.field(default=(), static=True)
    """Layers whose constant currents are this learner's to change."""
    absent: tuple[str, ...] = eqx.field(default=(), static=True)
    """Layers without this channel."""

    def wants_margins(self) -> bool:
        return True

    def init(self, model: Classifier, key: PRNGKeyArray) -> EpropState:
        for name in self.layers:
            _check(name, model.network.populations[name])
        classes, drawn = model.network.populations[OUTPUT].shape, {}
        for name in self.layers[:-1] if self.feedback == "random" else ():
            cells = model.network.populations[name].shape
            noise = jax.random.normal(jax.random.fold_in(key, crc32(name.encode())), (*classes, *cells))
            drawn[name] = noise / jnp.sqrt(noise[0].size)
        return EpropState(adam(self.rate, self.changes).init(self._own(model.network)), drawn)

    def learn(self, model: Classifier, state: EpropState, experience: Experience) -> tuple[Classifier, EpropState]:
        gradient = self.gradient(model, state, experience)
        change, optimiser = adam(self.rate, self.changes).update(gradient, state.optimiser)
        own = optax.apply_updates(self._own(model.network), change)  # pyright: ignore[reportArgumentType]
        count, own = len(self._present()), cast(list[Array], own)
        biases = zip(self._present(), self._own(model.network)[count:], own[count:], strict=True)
        own = own[:count] + [after if layer in self.biases else before for layer, before, after in biases]
        model = eqx.tree_at(lambda m: self._own(m.network), model, own)
        return model, EpropState(optimiser, state.feedback)

    def gradient(self, model: Classifier, state: EpropState, experience: Experience) -> list[Array]:
        """What stands for the gradient: of the weights from the first layer to the last, then of the biases.

        Biases that are another's have theirs too, so that what Adam remembers does not depend on whose they are.
        """
        network, trace = experience.network, experience.answer.trace
        moved = self._moved(model, state, experience)
        weights = []
        for layer in self._present():
            projection = network.projections[projection_name(layer, self.name)]
            post = projection.amplified(moved[layer])
            pre = _filtered(_every(trace.sent[projection.source], len(post)), _keep(network, layer))
            weights.append(projection.connection.contract(cast(Array, projection.weight), flat(pre), flat(post)))
        biases = []
        for layer in self._present():
            ones = _filtered(jnp.ones(len(moved[layer])), _keep(network, layer))
            move = jnp.tensordot(ones, moved[layer], 1).sum(axis=0)
            biases.append(onto(cast(Array, network.populations[layer].bias), move))
        return weights + biases

    def _moved(self, model: Classifier, state: EpropState, experience: Experience) -> dict[str, Array]:
        """By layer what a current into it at every step does to the loss: L k^(T-t) psi, [time, batch, *cells]."""
        network, trace = experience.network, experience.answer.trace
        read = lambda membrane: self.loss(model.scores(network, membrane), experience.labels)  # noqa: E731
        error = signal = jax.grad(read)(trace.membrane[-1])
        last = jnp.zeros((model.steps, *error.shape)).at[-1].set(error)
        found = {OUTPUT: _entering(network, OUTPUT) * last}
        fading = _keep(network, OUTPUT) ** jnp.arange(model.steps - 1, -1, -1)
        for layer, above in reversed(list(zip(self.layers, self.layers[1:], strict=False))):
            if self.feedback == "random":
                signal = jnp.tensordot(error, state.feedback[layer], 1)
            else:
                signal = _back(network, layer, above, signal)
            slope = _cells(network, layer).surrogate.derivative(trace.margins[layer])
            found[layer] = _entering(network, layer) * fading.reshape(-1, *(1,) * signal.ndim) * signal * slope
        return found

    def _present(self) -> list[str]:
        return [layer for layer in self.layers if layer not in self.absent]

    def _own(self, network: Network) -> list[Array]:
        """Weights and biases in the order of `gradient`."""
        weights = [network.projections[projection_name(layer, self.name)].weight for layer in self._present()]
        return cast(list[Array], weights + [network.populations[layer].bias for layer in self._present()])


def _check(name: str, population: Population) -> None:
    """Refuse cells whose eligibility is no product of a presynaptic and a postsynaptic value, or without a bias."""
    if population.bias is None:
        raise ValueError(f"e-prop needs cells with a bias; give the population {name} one, of zero perhaps")
    if not isinstance(population.neuron, LIF):
        raise ValueError(f"e-prop needs LIF cells; {name} has {type(population.neuron).__name__}")
    if population.neuron.tau.ndim:
        raise ValueError(f"e-prop needs one time constant for all cells of {name}; give it a scalar tau")


def _cells(network: Network, layer: str) -> LIF:
    return cast(LIF, network.populations[layer].neuron)  # as `_check` has seen to


def _keep(network: Network, layer: str) -> Array:
    return decay(_cells(network, layer).tau, network.dt)


def _entering(network: Network, layer: str) -> Array:
    """Factor with which a current enters the membrane."""
    return (1 - _keep(network, layer)) * _cells(network, layer).resistance


def _back(network: Network, layer: str, above: str, signal: Array) -> Array:
    """The learning signal of a layer: that of the layer above, back through all channels between them."""
    between = [one for one in network.projections.values() if (one.source, one.target) == (layer, above)]
    if not between:
        raise ValueError(f"no channel leads from {layer} straight to {above}; give e-prop random feedback")
    rest = jnp.zeros((signal.shape[0], *network.populations[layer].shape))
    signal = _entering(network, above) * signal
    back = [jax.linear_transpose(lambda x, p=p: p.transmit(p.weight, x), rest)(signal)[0] for p in between]
    return sum(back, jnp.zeros_like(rest))


def _every(sent: Array, steps: int) -> Array:
    """An input that is held, at all steps."""
    return jnp.broadcast_to(sent, (steps, *sent.shape[1:]))


def _filtered(values: Float[Array, "time ..."], keep: Array) -> Float[Array, "time ..."]:
    """xbar_t = keep xbar_{t-1} + x_t."""

    def step(before: Array, now: Array) -> tuple[Array, Array]:
        after = keep * before + now
        return after, after

    return jax.lax.scan(step, jnp.zeros_like(values[0]), values)[1]
