"""Damage to a layered network that has learned: noise on its weights, few bits, lost cells and synapses.

All take a network without plasticity, a key and an amount that may be traced; an amount of 0 changes nothing. Parallel
channels are separate synapses: each has noise and losses of its own, and bits over its own range.
"""

from collections.abc import Callable
from math import nan
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, PRNGKeyArray

from metaplast.models.layered import INPUT, OUTPUT
from metaplast.network import Network
from metaplast.neurons import Relay

BITS = 8
"""Of a weight at the lowest level of quantisation."""
HELD = -1e6
"""Constant current of a cell that is to be silent."""


def noisy(network: Network, key: PRNGKeyArray, amount: Array) -> Network:
    """w + amount std(w) n, n standard normal, std over the weights of a projection."""
    return _on_weights(network, key, lambda w, k: w + amount * jnp.std(w) * jax.random.normal(k, w.shape))


def quantised(network: Network, key: PRNGKeyArray, amount: Array) -> Network:
    """Weights of 9 - amount bits (8 at amount 1): the nearest of 2^bits - 1 values from -max|w| to max|w|."""
    levels = 2.0 ** (BITS - amount) - 1.0  # on each side of zero

    def rounded(weight: Array, key: PRNGKeyArray) -> Array:
        step = jnp.max(jnp.abs(weight)) / levels
        return jnp.where((amount > 0) & (step > 0), jnp.round(weight / jnp.where(step > 0, step, 1.0)) * step, weight)

    return _on_weights(network, key, rounded)


def without_synapses(network: Network, key: PRNGKeyArray, amount: Array) -> Network:
    """A fraction `amount` of all synapses is lost."""
    return _on_weights(network, key, lambda w, k: jnp.where(jax.random.uniform(k, w.shape) < amount, 0.0, w))


def without_cells(network: Network, key: PRNGKeyArray, amount: Array) -> Network:
    """A fraction `amount` of the cells between input and output falls silent: their synapses to others are lost.

    Cells of a feature map share their synapses; a lost one is held silent by its constant current, of which each needs
    one of its own (`with_single_cells`).
    """
    alive = {}
    for place, (name, population) in enumerate(network.populations.items()):
        drawn = jax.random.uniform(jax.random.fold_in(key, place), population.shape)
        kept = name in (INPUT, OUTPUT) or isinstance(population.neuron, Relay)
        alive[name] = jnp.ones_like(drawn) if kept else (drawn >= amount).astype(drawn.dtype)
    maps = _maps(network)
    biases = [jnp.where(alive[name] > 0, network.populations[name].bias, HELD) for name in maps]  # pyright: ignore
    network = eqx.tree_at(lambda net: [net.populations[name].bias for name in maps], network, biases)
    names = [
        name
        for name, projection in network.projections.items()
        if projection.weight is not None and len(network.populations[projection.source].shape) != 3
    ]
    weights = []
    for name in names:
        projection = network.projections[name]
        cells = alive[projection.source].reshape(-1)
        weight = projection.weight
        weights.append(weight * cells.reshape(-1, *(1,) * (weight.ndim - 1)))  # pyright: ignore
    return _with_weights(network, names, weights)


def with_single_cells(network: Network) -> Network:
    """The same network, in which every cell of a feature map has a constant current of its own."""
    maps = _maps(network)
    wide = [jnp.broadcast_to(network.populations[name].bias, network.populations[name].shape) for name in maps]  # pyright: ignore
    return eqx.tree_at(lambda net: [net.populations[name].bias for name in maps], network, wide)


def _maps(network: Network) -> list[str]:
    """Layers of spiking cells in feature maps."""
    return [
        name
        for name, population in network.populations.items()
        if len(population.shape) == 3 and not isinstance(population.neuron, Relay) and name != OUTPUT
    ]


def _on_weights(network: Network, key: PRNGKeyArray, change: Callable[[Array, PRNGKeyArray], Array]) -> Network:
    names = [name for name, projection in network.projections.items() if projection.weight is not None]
    weights = [
        change(network.projections[name].weight, jax.random.fold_in(key, place))  # pyright: ignore
        for place, name in enumerate(names)
    ]
    return _with_weights(network, names, weights)


def _with_weights(network: Network, names: list[str], weights: list[Array]) -> Network:
    return eqx.tree_at(lambda net: [net.projections[name].weight for name in names], network, weights)


class Damage(NamedTuple):
    """A kind of damage and how it grows with its level, from 0 (none) to 6."""

    change: Callable[[Network, PRNGKeyArray, Array], Network]
    step: float
    """Amount of level 1; level i has i times as much."""
    what: str
    """What is done, in words."""
    unit: str
    """Of the value that a reader is told."""
    value: Callable[[float], float]
    """From an amount to this value."""


def _percent(amount: float) -> float:
    return 100 * amount


def _bits(amount: float) -> float:
    """NaN at amount 0, at which weights are not rounded."""
    return BITS + 1 - amount if amount > 0 else nan


DAMAGES = {
    "weight-noise": Damage(
        noisy, 0.15, "normal noise is added to weights", "standard deviations of the weights", float
    ),
    "quantisation": Damage(quantised, 1.0, "weights are rounded", "bits a weight", _bits),
    "lost-synapses": Damage(without_synapses, 0.1, "synapses are lost", "% of synapses", _percent),
    "lost-cells": Damage(without_cells, 0.1, "hidden cells fall silent", "% of hidden cells", _percent),
}
"""By name; the levels are assumed."""
