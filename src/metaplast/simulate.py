"""Simulation of a network: block after block, everything static hoisted out of the scan over time."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.tree_util import GetAttrKey
from jaxtyping import Array, Float, PyTree

from metaplast.deferred import run_deferred
from metaplast.hoisting import external, through, under_way, vectorises
from metaplast.network import Network, NetworkState, PopulationState, Projection, ProjectionState
from metaplast.recording import either, leaves_read, over_time
from metaplast.signals import Drive, Foresight
from metaplast.stepping import Block, External, make_block, run


def simulate(
    network: Network,
    inputs: Mapping[str, Float[Array, "time batch *drive"]],
    state: NetworkState,
    *,
    record: Callable[[NetworkState], PyTree],
    steps: int | None = None,
    checkpoint: int | None = None,
    deferred: bool = True,
    foresight: bool = True,
) -> tuple[PyTree, NetworkState]:
    """Run a network over the steps of its inputs.

    Args:
        network: what to run.
        inputs: current injected into populations, by name: [time, batch, *drive].
        state: where to start, from `network.init(batch, key=...)` or an earlier run.
        record: function of the state; its value after every step is returned. Only what it reads is kept.
        steps: how many; an input of [1, batch, *drive] is then held over all of them, and what it causes as long as
            it is constant is worked out once. As many as the inputs have by default.
        checkpoint: keep the state only every so many steps and recompute between them in the backward pass.
        deferred: take the gradient of static recurrent weights after the backward scan in one product. False means
            plain autodiff, which forward-mode differentiation needs.
        foresight: let mechanisms that can do so use that all signals from earlier blocks are known ahead
            (`Mechanism.foresee`). The same numbers in less time; whatever limits a mechanism has then act at the end.

    Returns:
        The recorded values, [time, ...] each, and the state after the last step.

    Raises:
        ValueError: an input names no population or does not fit it, or `record` reads a delay buffer.
    """
    steps = _check_inputs(network, inputs, state, steps)
    wanted = _wanted(network, record, state)
    kept, final = NetworkState({}, {}), NetworkState({}, {})
    for names in network.blocks():
        block = make_block(network, names)
        allowed = _foreseeable(block, wanted) if foresight else frozenset()
        entering, foreseen = external(network, block, inputs, state, kept, steps, allowed)
        if vectorises(block):
            after, stacked = _all_at_once(block, state, entering)
        else:
            after, stacked = _stepped(block, state, entering, foreseen, wanted, checkpoint, deferred)
        kept.populations.update(stacked.populations)
        kept.projections.update(stacked.projections)
        final.populations.update(after.populations)
        final.projections.update(after.projections)
    _finish_hoisted(network, state, kept, final, steps)
    _fill_hoisted(network, state, kept, steps)
    return _recorded(record, kept, state, steps), _in_order(network, final)


def _fill_hoisted(network: Network, state: NetworkState, kept: NetworkState, steps: int) -> None:
    """A hoisted projection has no state but a buffer, and what is read of it is empty."""
    for name in network.projections:
        if name not in kept.projections:
            empty = jnp.zeros((steps, *state.projections[name].buffer.shape))
            kept.projections[name] = ProjectionState((), empty)


def _in_order(network: Network, final: NetworkState) -> NetworkState:
    """The state in the order of the network, not in that of its blocks."""
    return NetworkState(
        {name: final.populations[name] for name in network.populations},
        {name: final.projections[name] for name in network.projections},
    )


def _check_inputs(network: Network, inputs: Mapping[str, Array], state: NetworkState, steps: int | None) -> int:
    """Number of steps; raises where an input does not fit."""
    given = steps
    if not inputs:
        raise ValueError("inputs is empty; give at least one population its current as [time, batch, ...]")
    for name, current in inputs.items():
        if name not in network.populations:
            raise ValueError(f"inputs names population {name!r}; there are: {', '.join(network.populations)}")
        batch = state.populations[name].activity.shape[0]
        expected = (batch, *network.populations[name].drive_shape)
        if current.ndim < 2 or current.shape[1:] != expected:
            raise ValueError(f"inputs[{name!r}] has shape {current.shape}, expected [time, *{expected}]")
        if given is not None and current.shape[0] == 1:
            continue
        if steps is not None and current.shape[0] != steps:
            other = "another input has" if given is None else "expected 1, for a constant, or"
            raise ValueError(f"inputs[{name!r}] has {current.shape[0]} steps, {other} {steps}")
        steps = current.shape[0]
    if not steps:
        raise ValueError("inputs have no time steps; give arrays of [time, batch, ...] with at least one step")
    return steps


def _wanted(network: Network, record: Callable[[NetworkState], PyTree], state: NetworkState) -> NetworkState:
    """Mask of the leaves to keep over time: for `record`, and for the signals of hoisted and plastic projections."""
    wanted = leaves_read(record, state)
    for name, mask in wanted.projections.items():
        if mask.buffer and state.projections[name].buffer.size:
            raise ValueError(f"record reads projections.{name}.buffer, which is not kept; read the source instead")
    populations = dict(wanted.populations)
    block_of = {name: names for names in network.blocks() for name in names}
    for projection in network.projections.values():
        if block_of[projection.source] != block_of[projection.target]:
            read = leaves_read(projection.read, state.populations[projection.source])
            populations[projection.source] = either(populations[projection.source], read)
    return NetworkState(populations, wanted.projections)


def _all_at_once(block: Block, state: NetworkState, external: External) -> tuple[NetworkState, NetworkState]:
    (name,) = block.order
    before, current = state.populations[name], external.current[name]
    neuron_model = block.populations[name].neuron
    sent, neuron = jax.vmap(lambda now: neuron_model.step(Drive(now, jnp.zeros(())), before.neuron, block.dt))(current)
    silent = jnp.broadcast_to(before.modulator, (current.shape[0], *before.modulator.shape))
    stacked = PopulationState(neuron, (), sent, external.modulator.get(name, silent))
    last = jax.tree.map(lambda leaf: leaf[-1], stacked)
    return NetworkState({name: last}, {}), NetworkState({name: stacked}, {})


def _foreseeable(block: Block, wanted: NetworkState) -> frozenset[str]:
    """Projections whose own state nobody wants to see at every step."""
    inner = (name for name in block.projections if any(jax.tree.leaves(wanted.projections[name].plasticity)))
    return frozenset(block.projections) - frozenset(inner)


def _stepped(
    block: Block,
    state: NetworkState,
    external: External,
    foreseen: dict[str, Foresight],
    wanted: NetworkState,
    checkpoint: int | None,
    deferred: bool,
) -> tuple[NetworkState, NetworkState]:
    """Scan a block, in one piece or in segments that are recomputed in the backward pass."""
    block = dataclasses.replace(block, foreseen={name: seen.stepper for name, seen in foreseen.items()})
    part = lambda tree: NetworkState(  # noqa: E731
        {name: tree.populations[name] for name in block.order},
        {name: tree.projections[name] for name in block.projections},
    )
    start, record = part(state), part(wanted)
    for name, seen in foreseen.items():
        nothing = jax.tree.map(lambda _: False, seen.state)
        start.projections[name] = start.projections[name]._replace(plasticity=seen.state)
        record.projections[name] = record.projections[name]._replace(plasticity=nothing)

    def piece(state: NetworkState, external: External) -> tuple[NetworkState, NetworkState]:
        if deferred:
            final, (recorded,) = run_deferred(block, state, external, record)
        else:
            final, (recorded,) = run(block, state, external, (record,), plain=not deferred)
        return final, recorded

    final, stacked = piece(start, external) if checkpoint is None else _in_segments(piece, start, external, checkpoint)
    return _finished(block, foreseen, final), stacked


def _finished(block: Block, foreseen: dict[str, Foresight], final: NetworkState) -> NetworkState:
    """The state after the last step, with what it has taught the plastic projections."""
    projections = dict(final.projections)
    for name, projection in block.projections.items():
        if projection.plastic:
            last = projections[name]
            local = projection.local(jnp.zeros(()), final.populations[projection.target], block.dt)
            finish = foreseen[name].finish if name in foreseen else projection.plasticity.finish
            projections[name] = last._replace(plasticity=finish(last.plasticity, local))
    return final._replace(projections=projections)


def _in_segments(piece: Any, state: NetworkState, external: External, length: int) -> tuple[NetworkState, NetworkState]:
    """Segments of `length` steps, then what is left; only the states between them are kept."""
    if length < 1:
        raise ValueError(f"checkpoint is {length}; give the number of steps between kept states, at least 1")
    steps = next(iter(external.current.values())).shape[0]
    whole = steps // length
    pieces = []
    remember = eqx.filter_checkpoint(piece)
    if whole:
        segments = jax.tree.map(lambda x: x[: whole * length].reshape(whole, length, *x.shape[1:]), external)
        state, stacked = jax.lax.scan(remember, state, segments)
        pieces.append(jax.tree.map(lambda x: x.reshape(whole * length, *x.shape[2:]), stacked))
    if steps > whole * length:
        state, stacked = remember(state, jax.tree.map(lambda x: x[whole * length :], external))
        pieces.append(stacked)
    return state, jax.tree.map(lambda *parts: jnp.concatenate(parts), *pieces)


def _finish_hoisted(network: Network, state: NetworkState, kept: NetworkState, final: NetworkState, steps: int) -> None:
    """Final states of the projections between blocks: what is still under way, and what plasticity did."""
    for name, projection in network.projections.items():
        if name in final.projections and projection.source not in _same_block(network, projection):
            buffer = under_way(projection, name, state, kept, steps)
            final.projections[name] = final.projections[name]._replace(buffer=buffer)
        elif name not in final.projections:
            final.projections[name] = ProjectionState((), under_way(projection, name, state, kept, steps))


def _same_block(network: Network, projection: Projection) -> tuple[str, ...]:
    return next(names for names in network.blocks() if projection.target in names)


def _recorded(record: Callable[[NetworkState], PyTree], kept: NetworkState, state: NetworkState, steps: int) -> PyTree:
    """Values of `record` at every step, from the leaves that were kept."""
    mask = leaves_read(record, state)
    leaves: list[Array | None] = []
    for (path, _), read in zip(jax.tree_util.tree_flatten_with_path(state)[0], jax.tree.leaves(mask), strict=True):
        leaves.append(through(_at(kept, path), steps) if read else None)
    full = jax.tree.unflatten(jax.tree.structure(state), leaves)
    return over_time(record, full, state, steps)


def _at(tree: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        if isinstance(key, GetAttrKey):
            tree = getattr(tree, key.name)
        else:
            tree = tree[getattr(key, "key", getattr(key, "idx", None))]
    return tree
