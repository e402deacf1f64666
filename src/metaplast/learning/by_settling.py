"""Self-backpropagation as the learner of one channel of a classifier."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, PRNGKeyArray, PyTree

from metaplast.learning.classifier import Classifier
from metaplast.learning.parts import Experience, Part
from metaplast.learning.selfbackprop import Membranes, SelfBackpropagation
from metaplast.learning.selfbackprop_spread import spread
from metaplast.learning.stack import Layer, feedback, layers_of, onto, put_weights, without_normalisation
from metaplast.learning.targets import one_hot
from metaplast.models.layered import INPUT, projection_name
from metaplast.network import Network


class BySelfBackpropagation(Part):
    """Nudges the layers over one channel's weights towards the label, and changes these weights alone.

    With `warm` (assumed) the mechanisms meet in the state from which it sets out: V_0 is the mean input, V_l the firing
    rate of a hidden layer of the whole spiking network, all channels together, V_L its scores. This state counts as
    the free phase, already settled; what the nudge moves in it, d = V+ - V, follows the iterations of the nudged
    phase with linear cells:

    d_l <- d_l - eps [d_l - (d_{l-1} W_l + d_{l+1} W_{l+1}^T)]           hidden, d_0 = 0
    d_L <- d_L - eps [d_L - d_{L-1} W_L + beta (V_L + d_L - y)]
    dW_l = V_{l-1}^T d_l / (beta batch), spread as there, and b_l += rate mean(d_l) / beta

    so that what the network gets right already is not learned again (a bias that the places of a map share moves by the
    sum over them). Without `warm` it is the published update: the channel settles by itself, from rest. At every change
    W <- retain W + rate dW (assumed): what is not confirmed is forgotten. `biases` names the layers whose constant
    currents are this learner's to change; where another learner has them, they are its.

    A layer that is `absent` has no weights of the channel (W_l = 0), so nothing reaches the layers below it, whose
    weights stay as they are. Without `warm` no layer may be absent.

    Reference: Zhang et al. (2021), Science Advances 7:eabh0146.
    """

    rule: SelfBackpropagation
    layers: tuple[str, ...] = eqx.field(static=True)
    warm: bool = eqx.field(default=True, static=True)
    biases: tuple[str, ...] = eqx.field(default=(), static=True)
    absent: tuple[str, ...] = eqx.field(default=(), static=True)
    retain: float = eqx.field(default=1.0, static=True, kw_only=True)

    def __check_init__(self) -> None:
        if self.absent and not self.warm:
            raise ValueError(f"{self.name} settles by itself and needs all layers; it is absent in {self.absent[0]}")

    def init(self, model: Classifier, key: PRNGKeyArray) -> PyTree:
        return ()

    def learn(self, model: Classifier, state: PyTree, experience: Experience) -> tuple[Classifier, PyTree]:
        before = self._layers(model.network)
        if self.warm:
            layers = self._from_where_it_is(before, experience)
        else:
            layers, _ = self.rule.step(before, experience.answer.rates[INPUT], experience.labels)
        layers = [self._faded(now, then) for now, then in zip(layers, before, strict=True)]
        after = dict(zip(self.layers, layers, strict=True))
        own = [name for name in self.layers if name not in self.absent]
        names = [projection_name(name, self.name) for name in own]
        network = put_weights(model.network, names, [after[name] for name in own])
        if self.biases:
            where = lambda net: [net.populations[name].bias for name in self.biases]  # noqa: E731
            network = eqx.tree_at(where, network, [after[name].bias for name in self.biases])
        return eqx.tree_at(lambda m: m.network, model, network), state

    def _layers(self, network: Network) -> tuple[Layer, ...]:
        """The layers over this channel's weights, which are zero where it is absent."""
        names = [projection_name(name, self.name) for name in self.layers]
        if not self.absent:
            return layers_of(network, names)
        # Of a channel, not a pool, a shortcut or a loop that ends there too.
        beside = {p.target: name for name, p in network.projections.items() if name.startswith(f"{p.target}-")}
        network = without_normalisation(network, [beside[layer] for layer in self.absent])
        names = [
            beside[layer] if layer in self.absent else name for layer, name in zip(self.layers, names, strict=True)
        ]
        return tuple(
            eqx.tree_at(lambda one: one.weight, found, jnp.zeros_like(found.weight)) if layer in self.absent else found
            for layer, found in zip(self.layers, layers_of(network, names), strict=True)
        )

    def _faded(self, now: Layer, then: Layer) -> Layer:
        """Less what is forgotten of the weights as they were before the change."""
        return eqx.tree_at(lambda layer: layer.weight, now, now.weight - (1 - self.retain) * then.weight)

    def _from_where_it_is(self, layers: tuple[Layer, ...], experience: Experience) -> list[Layer]:
        rule, answer = self.rule, experience.answer
        hidden = [answer.rates[name] for name in self.layers[:-1]]
        reached: Membranes = (answer.rates[INPUT], *hidden, answer.scores)
        moves = self._moved(layers, reached, one_hot(experience.labels, answer.scores.shape[-1]))
        above, found = None, []
        for layer, pre, move, rate in reversed(list(zip(layers, reached[:-1], moves, rule.rates, strict=True))):
            above = spread(self._raw(layer, pre, move), above, rule.strengths)
            bias = layer.bias + rate * onto(layer.bias, jnp.mean(move, axis=0)) / rule.beta
            found.append(Layer(layer.weight + rate * above.change, bias, layer.connection))
        return found[::-1]

    def _moved(self, layers: tuple[Layer, ...], reached: Membranes, target: Array) -> list[Array]:
        """What the nudge moves in every layer."""
        eps, beta, last = self.rule.eps, self.rule.beta, len(layers) - 1
        moves = [jnp.zeros_like(value) for value in reached[1:]]
        for _ in range(self.rule.nudged):
            for place, layer in enumerate(layers):
                below = layer.connection.apply(layer.weight, moves[place - 1]) if place else 0.0
                if place < last:
                    pull = below + feedback(layers[place + 1], moves[place], moves[place + 1])
                else:
                    pull = below - beta * (reached[-1] + moves[place] - target)
                moves[place] = moves[place] - eps * (moves[place] - pull)
        return moves

    def _raw(self, layer: Layer, pre: Array, move: Array) -> Array:
        return layer.connection.contract(layer.weight, pre, move) / (self.rule.beta * pre.shape[0])
