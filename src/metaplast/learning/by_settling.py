"""Self-backpropagation as the learner of one channel of a classifier."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import PyTree

from metaplast.learning.classifier import Classifier
from metaplast.learning.parts import Experience, Part
from metaplast.learning.selfbackprop import Membranes, SelfBackpropagation, layers_of, put_weights
from metaplast.models.layered import projection_name
from metaplast.network import voltage


class BySelfBackpropagation(Part):
    """Settles the membranes of the layers over one channel's weights, nudges them, and changes these weights alone.

    What settles is the mean input over the steps. With `warm`, membranes start where the whole spiking network, all
    channels together, has brought them, in units of the threshold: there the mechanisms meet. `biases` says whether
    the constant currents of the layers are this learner's to change; where another learner has them, they are its.

    Reference: Zhang et al. (2021), Science Advances 7:eabh0146; its place in a network of several mechanisms is
    assumed.
    """

    rule: SelfBackpropagation
    layers: tuple[str, ...] = eqx.field(static=True)
    warm: bool = eqx.field(default=True, static=True)
    biases: bool = eqx.field(default=False, static=True)

    def init(self, model: Classifier) -> PyTree:
        return ()

    def learn(self, model: Classifier, state: PyTree, experience: Experience) -> tuple[Classifier, PyTree]:
        names = [projection_name(layer, self.name) for layer in self.layers]
        inputs = jnp.mean(experience.inputs, axis=0)
        start = self._reached(model, experience, inputs) if self.warm else None
        layers, _ = self.rule.step(layers_of(model.network, names), inputs, experience.labels, start)
        network = put_weights(model.network, names, layers)
        if self.biases:
            network = eqx.tree_at(
                lambda net: [net.populations[name].bias for name in self.layers],
                network,
                [layer.bias for layer in layers],
            )
        return eqx.tree_at(lambda m: m.network, model, network), state

    def _reached(self, model: Classifier, experience: Experience, inputs: jnp.ndarray) -> Membranes:
        membranes = [inputs]
        for name in self.layers:
            neuron = model.network.populations[name].neuron
            reached = voltage(experience.answer.state.populations[name])
            membranes.append(jnp.clip(reached / neuron.threshold, -1.0, 1.0))  # pyright: ignore
        return tuple(membranes)
