"""Parallel channels as one synapse, as a chip would hold them that learned with several mechanisms and now infers."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array

from metaplast.connections import Dense
from metaplast.network import Network, Projection


def merged(network: Network) -> Network:
    """The same network with the sum of gain times weight in place of parallel channels; it makes the same currents.

    It may be traced: whether channels can be summed does not depend on the values of arrays.

    Raises:
        ValueError: parallel channels that are plastic, have no weight, differ in more than weight and gain, or whose
            connections hold arrays (a mask, a normalisation); a gain that is neither one number nor, where every cell
            has weights of its own, one a target cell.
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
    listed = ", ".join(names)
    if any(part.plastic for part in parts):
        raise ValueError(f"{listed} are plastic, or some of them; consolidate them first")
    bare = [dataclasses.replace(part, weight=None, gain=None) for part in parts]
    # Whether two masks are the same is not known while they are traced, and normalised currents do not add up.
    if any(eqx.is_array(leaf) for leaf in jax.tree.leaves(bare)):
        raise ValueError(
            f"{listed} have connections that hold arrays, such as a mask or a normalisation; expected none"
        )
    if not all(eqx.tree_equal(bare[0], other) for other in bare):
        raise ValueError(f"{listed} differ in more than weight and gain")
    weights = [_weight(name, part) for name, part in zip(names, parts, strict=True)]
    return dataclasses.replace(bare[0], weight=jnp.sum(jnp.stack(weights), axis=0))


def _weight(name: str, part: Projection) -> Array:
    """Gain times weight."""
    if part.weight is None:
        raise ValueError(f"{name} has no weight to add to those of its parallel channels")
    if part.gain is None:
        return part.weight
    # A kernel serves many cells: their own gains are no part of it, whatever its shape.
    expected = [(), part.weight.shape[1:]] if isinstance(part.connection, Dense) else [()]
    if part.gain.shape not in expected:
        words = " or ".join(map(str, expected))
        raise ValueError(f"{name} has a gain of shape {part.gain.shape}, expected {words}")
    return part.gain * part.weight
