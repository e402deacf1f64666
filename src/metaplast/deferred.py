"""Weight gradients after the backward scan.

The weight of a projection that is not plastic is a constant inside the scan. The backward scan yields the cotangent
of the target's current at every step, and the weight gradient is one contraction over time and batch afterwards,
instead of one outer product a step. This holds for any connection that is linear in its weight.
"""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, PyTree

from metaplast.network import NetworkState, Projection
from metaplast.recording import either, leaves_read, over_time
from metaplast.stepping import Block, External, flat, run


def run_deferred(
    block: Block, state: NetworkState, external: External, record: PyTree
) -> tuple[NetworkState, tuple[NetworkState]]:
    """As `stepping.run` for the one mask `record`, with deferred weight gradients; no forward-mode differentiation."""
    names = block.constant
    signals = _signal_leaves(block, state, record)
    weights = {name: block.projections[name].weight for name in names}
    rest = eqx.tree_at(lambda b: [b.projections[name].weight for name in names], block, [None] * len(names))
    learned, others = eqx.partition((rest, state, external), eqx.is_inexact_array)
    arrays, static = eqx.partition(others, eqx.is_array)

    def assemble(weights: PyTree, learned: PyTree, arrays: PyTree) -> tuple[Block, NetworkState, External]:
        rest, state, external = eqx.combine(learned, arrays, static)
        where = lambda b: [b.projections[name].weight for name in names]  # noqa: E731
        values = [weights[name] for name in names]
        return eqx.tree_at(where, rest, values, is_leaf=lambda leaf: leaf is None), state, external

    @jax.custom_vjp
    def core(weights: PyTree, learned: PyTree, arrays: PyTree) -> tuple[NetworkState, tuple[NetworkState]]:
        return run(*assemble(weights, learned, arrays), (record,))  # pyright: ignore[reportReturnType]

    def forward(weights: PyTree, learned: PyTree, arrays: PyTree) -> tuple[Any, Any]:
        def constant_weights(learned: PyTree) -> tuple[Any, NetworkState]:
            final, (recorded, signalled) = run(*assemble(weights, learned, arrays), (record, signals))
            return (final, (recorded,)), signalled

        result, pull, signalled = jax.vjp(constant_weights, learned, has_aux=True)
        kept = eqx.combine(result[1][0], signalled)
        return result, (pull, kept, weights, learned, arrays)

    def backward(residuals: Any, cotangents: Any) -> tuple[PyTree, PyTree, None]:
        pull, kept, weights, learned, arrays = residuals
        (change,) = pull(cotangents)
        block, state, _ = assemble(weights, learned, arrays)
        delta = change[2]
        gradients = {name: _weight_gradient(block.projections[name], name, state, kept, delta) for name in names}
        return gradients, change, None

    core.defvjp(forward, backward)
    return core(weights, learned, arrays)


def _signal_leaves(block: Block, state: NetworkState, record: NetworkState) -> NetworkState:
    """Mask of the leaves that carry the signals of constant projections, without those that `record` keeps."""
    populations = {name: jax.tree.map(lambda _: False, substate) for name, substate in state.populations.items()}
    for name in block.constant:
        projection = block.projections[name]
        read = leaves_read(projection.read, state.populations[projection.source])
        populations[projection.source] = either(populations[projection.source], read)
    extra = jax.tree.map(lambda need, have: need and not have, populations, record.populations)
    return NetworkState(extra, jax.tree.map(lambda _: False, state.projections))


def _weight_gradient(
    projection: Projection, name: str, state: NetworkState, kept: NetworkState, delta: External
) -> Array:
    """Contraction over time and batch of the signals that went in and the cotangents of what came out."""
    cotangent = getattr(delta, projection.port)[projection.target]
    if projection.gain is not None:
        cotangent = projection.gain * cotangent
    source = state.populations[projection.source]
    sent = over_time(projection.read, kept.populations[projection.source], source, cotangent.shape[0])
    if projection.delay > 0:
        under_way = state.projections[name].buffer, projection.read(source)[None]
        sent = jnp.concatenate([*under_way, sent])[: cotangent.shape[0]]
    weight: Any = projection.weight
    return projection.connection.contract(weight, flat(sent), flat(cotangent))
