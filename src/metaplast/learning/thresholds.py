"""Homeostatic thresholds of a classifier: carried from batch to batch while it learns, held while it is tested."""

from collections.abc import Mapping, Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from metaplast.intrinsic import HomeostaticThreshold
from metaplast.intrinsic.homeostasis import HomeostasisState
from metaplast.mechanism import chain
from metaplast.network import Network, NetworkState, Population, carry_over


def homeostatic(network: Network) -> tuple[str, ...]:
    """Populations whose threshold is homeostatic."""
    return tuple(name for name, each in network.populations.items() if isinstance(each.intrinsic, HomeostaticThreshold))


def with_homeostasis(
    populations: Mapping[str, Population], layers: Sequence[str], target: float, rate: float
) -> dict[str, Population]:
    """The same populations, those of `layers` with a homeostatic threshold; target per step, rate per ms."""
    mechanism = HomeostaticThreshold(target, rate)  # pyright: ignore[reportArgumentType]
    return {
        name: eqx.tree_at(lambda each: each.intrinsic, population, mechanism) if name in layers else population
        for name, population in populations.items()
    }


def thresholds_after(network: Network, state: NetworkState) -> dict[str, HomeostasisState]:
    """What the thresholds remember after a presentation, as of one example: batches may be of any size."""
    names = homeostatic(network)
    if not names:
        return {}
    after = carry_over(network, state, 1, key=jax.random.key(0))
    return {name: after.populations[name].intrinsic for name in names}


def with_thresholds(network: Network, state: NetworkState, memory: Mapping[str, Any]) -> NetworkState:
    """The state in which every example begins with the offsets that are remembered."""
    populations = dict(state.populations)
    for name in homeostatic(network):
        whole = populations[name]
        offset = jnp.broadcast_to(memory[name].offset, whole.activity.shape)
        populations[name] = whole._replace(intrinsic=HomeostasisState(offset))
    return state._replace(populations=populations)


def held(network: Network, memory: Mapping[str, Any]) -> Network:
    """The network with every threshold as homeostasis has left it, a number for each cell that no longer changes."""
    names = homeostatic(network)
    if not names:
        return network
    populations = [network.populations[name] for name in names]
    thresholds = [
        each.neuron.threshold + memory[name].offset[0]  # pyright: ignore[reportAttributeAccessIssue]
        for name, each in zip(names, populations, strict=True)
    ]
    network = eqx.tree_at(lambda net: [net.populations[name].neuron.threshold for name in names], network, thresholds)
    return eqx.tree_at(
        lambda net: [net.populations[name].intrinsic for name in names], network, [chain() for _ in names]
    )


def offset(now: NetworkState, network: Network, name: str) -> Float[Array, "batch *cells"] | float:
    """What was added to the threshold of a population at this step."""
    return now.populations[name].intrinsic.offset if name in homeostatic(network) else 0.0
