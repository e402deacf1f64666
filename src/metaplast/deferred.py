"""Weight gradients after the backward scan.

The weight of a projection that is not plastic is a constant inside the scan. The backward scan yields the cotangent
of the target's current at every step, and the weight gradient is one contraction over time and batch afterwards,
instead of one outer product a step. This holds for any connection that is linear in its weight.
"""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.custom_derivatives import CustomVJPPrimal, SymbolicZero, custom_vjp_primal_tree_values
from jaxtyping import Array, PyTree

from metaplast.in_place import scans_in_place
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
        moving, still = _perturbed(learned, everything_external=bool(names))
        weights, arrays = custom_vjp_primal_tree_values((weights, arrays))

        def constant_weights(moving: PyTree) -> tuple[Any, NetworkState]:
            program = assemble(weights, eqx.combine(moving, still), arrays)
            final, (recorded, signalled) = run(*program, (record, signals))
            return (final, (recorded,)), signalled

        def linearise(current: PyTree, moving: PyTree) -> tuple[Any, ...]:
            moving = eqx.tree_at(lambda parts: parts[2].current, moving, current)
            return jax.vjp(constant_weights, moving, has_aux=True)

        result, pull, signalled = scans_in_place(linearise)(moving[2].current, moving)
        kept = eqx.combine(result[1][0], signalled)
        return result, (pull, kept, weights, eqx.combine(moving, still), arrays)

    def backward(residuals: Any, cotangents: Any) -> tuple[PyTree, PyTree, None]:
        pull, kept, weights, learned, arrays = residuals
        cotangents = _filled(cotangents)
        (change,) = scans_in_place(lambda pull, cotangents: pull(cotangents))(pull, cotangents)
        block, state, _ = assemble(weights, learned, arrays)
        delta = change[2]
        gradients = {name: _weight_gradient(block.projections[name], name, state, kept, delta) for name in names}
        return gradients, change, None

    core.defvjp(forward, backward, symbolic_zeros=True)
    return core(weights, learned, arrays)


def _is_primal(leaf: Any) -> bool:
    return isinstance(leaf, CustomVJPPrimal)


def _perturbed(primals: PyTree, *, everything_external: bool) -> tuple[PyTree, PyTree]:
    """What is differentiated and what is not; with deferred weights, every current that enters the block is."""
    block, state, external = jax.tree.map(lambda primal: primal.perturbed, primals, is_leaf=_is_primal)
    if everything_external:
        external = jax.tree.map(lambda _: True, external)._replace(drawn=external.drawn)
    return eqx.partition(custom_vjp_primal_tree_values(primals), (block, state, external))


def _filled(cotangents: PyTree) -> PyTree:
    """Cotangents as arrays, also of results that the loss does not use."""
    is_zero = lambda leaf: isinstance(leaf, SymbolicZero)  # noqa: E731
    fill = lambda leaf: jnp.zeros(leaf.shape, leaf.dtype) if is_zero(leaf) else leaf  # noqa: E731
    return jax.tree.map(fill, cotangents, is_leaf=is_zero)


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
