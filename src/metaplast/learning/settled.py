"""What normalised currents are like by the end of an epoch, so that a network can be tested example by example."""

import dataclasses

import jax
import jax.numpy as jnp
from jaxtyping import Array, PRNGKeyArray

from metaplast.connections import Moments
from metaplast.learning.classification import Coding, Examples, Learned
from metaplast.learning.classifier import Classifier, frozen
from metaplast.models.folding import moments, normalised
from metaplast.models.layered import INPUT
from metaplast.network import Network

BATCHES = 20
"""Over which moments are averaged, or as many as there are (assumed)."""


def unsettled(network: Network) -> dict[str, Moments]:
    """Moments before any are known, zero and one, for every normalised projection."""
    return {
        name: Moments(jnp.zeros_like(connection.shift), jnp.ones_like(connection.shift))
        for name, connection in normalised(network).items()
    }


def settled(learned: Learned, data: Examples, coding: Coding, key: PRNGKeyArray, epoch: Array, batch: int) -> Learned:
    """The same with the mean moments of some batches of training examples; as it was where nothing is normalised.

    They are those of the network as it is tested, every weight as plasticity has left it.
    """
    model = learned.model
    if not model.moments:
        return learned
    network = frozen(model.wired(epoch), learned.memory)
    order_key, coding_key = jax.random.split(key)
    count = min(BATCHES, data.labels.shape[0] // batch)
    chosen = jax.random.permutation(order_key, data.labels.shape[0])[: count * batch].reshape(count, batch)

    def of_batch(turn: tuple[Array, Array]) -> dict[str, Moments]:
        places, key = turn
        return moments(network, {INPUT: coding(data.images[places], key)}, key=key, steps=model.steps)

    found = jax.lax.map(of_batch, (chosen, jax.random.split(coding_key, count)))
    return learned._replace(model=with_moments(model, jax.tree.map(lambda leaf: jnp.mean(leaf, axis=0), found)))


def with_moments(model: Classifier, found: dict[str, Moments]) -> Classifier:
    """The model with other moments."""
    return dataclasses.replace(model, moments=found)
