"""Parallel channels as one synapse, as a chip would hold them that learned with several mechanisms and now infers."""

import dataclasses

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array

from metaplast.network import Network, Projection


def merged(network: Network) -> Network:
    """The same network with the sum of gain times weight in place of parallel channels; it makes the same currents.

    Raises:
        ValueError: parallel channels that are plastic, have no weight, or differ in more than weight and gain; a gain
            that is neither one number nor one a target cell of a dense weight.
    """
    ends: dict[tuple[str, str, str], list[str]] = {}
    for name, projection in network.projections.items():
        ends.setdefault((projection.source, projection.target, projection.port), []).append(name)
    projections = dict(network.projections)
    for names in ends.values():
        if len(names) > 1:
            parts = [projections.pop(name) for name in names]
            projections[names[0]] = _sum(names, parts)
    return Network(network.populations, projections, network.dt)


def _sum(names: list[str], parts: list[Projection]) -> Projection:
    bare = [dataclasses.replace(part, weight=None, gain=None) if not part.plastic else part for part in parts]
    if any(part.plastic for part in parts) or not all(eqx.tree_equal(bare[0], other) for other in bare):
        listed = ", ".join(names)
        raise ValueError(f"{listed} differ in more than weight and gain, or are plastic; consolidate them first")
    weights = [_weight(name, part) for name, part in zip(names, parts, strict=True)]
    return dataclasses.replace(bare[0], weight=jnp.sum(jnp.stack(weights), axis=0))


def _weight(name: str, part: Projection) -> Array:
    """Gain times weight."""
    if part.weight is None:
        raise ValueError(f"{name} has no weight to add to those of its parallel channels")
    if part.gain is None:
        return part.weight
    if part.gain.shape not in ((), part.weight.shape[1:]):
        raise ValueError(f"{name} has a gain of shape {part.gain.shape}, expected () or {part.weight.shape[1:]}")
    return part.gain * part.weight
