"""Simulation of a network: block after block, everything static hoisted out of the scan over time."""

from collections.abc import Callable, Mapping
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.tree_util import GetAttrKey
from jaxtyping import Array, Float, PyTree

from metaplast.deferred import run_deferred
from metaplast.mechanism import Chain
from metaplast.network import Network, NetworkState, PopulationState, Projection, ProjectionState
from metaplast.params import strong_float
from metaplast.recording import either, leaves_read, over_time
from metaplast.signals import Drive
from metaplast.stepping import Block, External, flat, make_block, run


def simulate(
    network: Network,
    inputs: Mapping[str, Float[Array, "time batch *drive"]],
    state: NetworkState,
    *,
    record: Callable[[NetworkState], PyTree],
    checkpoint: int | None = None,
    deferred: bool = True,
) -> tuple[PyTree, NetworkState]:
    """Run a network over the steps of its inputs.

    Args:
        network: what to run.
        inputs: current injected into populations, by name: [time, batch, *drive].
        state: where to start, from `network.init(batch, key=...)` or an earlier run.
        record: function of the state; its value after every step is returned. Only what it reads is kept.
        checkpoint: keep the state only every so many steps and recompute between them in the backward pass.
        deferred: take the gradient of static recurrent weights after the backward scan in one product. False means
            plain autodiff, which forward-mode differentiation needs.

    Returns:
        The recorded values, [time, ...] each, and the state after the last step.

    Raises:
        ValueError: an input names no population or does not fit it, or `record` reads a delay buffer.
    """
    steps = _check_inputs(network, inputs, state)
    wanted = _wanted(network, record, state)
    kept, final = NetworkState({}, {}), NetworkState({}, {})
    for names in network.blocks():
        block = make_block(network, names)
        external = _external(network, block, inputs, state, kept, steps)
        if _vectorises(block):
            after, stacked = _all_at_once(block, state, external)
        else:
            after, stacked = _stepped(block, state, external, wanted, checkpoint, deferred)
        kept.populations.update(stacked.populations)
        kept.projections.update(stacked.projections)
        final.populations.update(after.populations)
        final.projections.update(after.projections)
    _finish_hoisted(network, state, kept, final, steps)
    final = NetworkState(
        {name: final.populations[name] for name in network.populations},
        {name: final.projections[name] for name in network.projections},
    )
    for name in network.projections:
        if name not in kept.projections:  # hoisted: it has no state but a buffer, and what is read of it is empty
            empty = jnp.zeros((steps, *state.projections[name].buffer.shape))
            kept.projections[name] = ProjectionState((), empty)
    return _recorded(record, kept, state, steps), final


def _check_inputs(network: Network, inputs: Mapping[str, Array], state: NetworkState) -> int:
    """Number of steps; raises where an input does not fit."""
    if not inputs:
        raise ValueError("inputs is empty; give at least one population its current as [time, batch, ...]")
    steps = None
    for name, current in inputs.items():
        if name not in network.populations:
            raise ValueError(f"inputs names population {name!r}; there are: {', '.join(network.populations)}")
        batch = state.populations[name].activity.shape[0]
        expected = (batch, *network.populations[name].drive_shape)
        if current.ndim < 2 or current.shape[1:] != expected:
            raise ValueError(f"inputs[{name!r}] has shape {current.shape}, expected [time, *{expected}]")
        if steps is not None and current.shape[0] != steps:
            raise ValueError(f"inputs[{name!r}] has {current.shape[0]} steps, another input has {steps}")
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


def _signals(projection: Projection, name: str, state: NetworkState, kept: NetworkState, steps: int) -> Array:
    """Signals of a projection from an earlier block as they arrive: [time, batch, *source]."""
    source = state.populations[projection.source]
    sent = over_time(projection.read, kept.populations[projection.source], source, steps)
    if projection.delay == 0:
        return sent
    return jnp.concatenate([state.projections[name].buffer, projection.read(source)[None], sent])[:steps]


def _external(
    network: Network,
    block: Block,
    inputs: Mapping[str, Array],
    state: NetworkState,
    kept: NetworkState,
    steps: int,
) -> External:
    """What enters a block, for all steps: injected currents, static projections in one product each, biases."""
    # Spikes may come as booleans or counts; only floats have a gradient.
    current = {name: strong_float(inputs[name]) for name in block.order if name in inputs}
    external = External(current, {}, {}, {})
    for name, projection in network.projections.items():
        if projection.target not in block.populations or projection.source in block.populations:
            continue
        signals = _signals(projection, name, state, kept, steps)
        if projection.plastic:
            external.signal[name] = signals
            continue
        product = projection.transmit(projection.weight, flat(signals))
        product = product.reshape(*signals.shape[:2], *product.shape[1:])
        arrived = getattr(external, projection.port)
        arrived[projection.target] = arrived.get(projection.target, 0.0) + product
    for name, population in block.populations.items():
        batch = state.populations[name].activity.shape[0]
        if name not in current:
            current[name] = jnp.zeros((steps, batch, *population.drive_shape))
        if population.bias is not None:
            current[name] = current[name] + population.bias
        drive = Drive(current[name][0], jnp.zeros(()))
        external.drawn[name] = population.intrinsic.draw(state.populations[name].intrinsic, drive, steps)
    _open_modulators(block, state, external, steps)
    return external


def _open_modulators(block: Block, state: NetworkState, external: External, steps: int) -> None:
    """A modulator port fed from within the block still needs a place where its cotangent appears."""
    for projection in block.projections.values():
        if projection.port == "modulator" and projection.target not in external.modulator:
            silent = state.populations[projection.target].modulator
            external.modulator[projection.target] = jnp.zeros((steps, *silent.shape))


def _vectorises(block: Block) -> bool:
    """Whether all steps of a block can be taken at once: one population without memory or mechanisms."""
    (population, *others) = block.populations.values()
    plain = isinstance(population.intrinsic, Chain) and not population.intrinsic.links
    return not others and not block.projections and plain and population.neuron.memoryless


def _all_at_once(block: Block, state: NetworkState, external: External) -> tuple[NetworkState, NetworkState]:
    (name,) = block.order
    before, current = state.populations[name], external.current[name]
    neuron_model = block.populations[name].neuron
    sent, neuron = jax.vmap(lambda now: neuron_model.step(Drive(now, jnp.zeros(())), before.neuron, block.dt))(current)
    silent = jnp.broadcast_to(before.modulator, (current.shape[0], *before.modulator.shape))
    stacked = PopulationState(neuron, (), sent, external.modulator.get(name, silent))
    last = jax.tree.map(lambda leaf: leaf[-1], stacked)
    return NetworkState({name: last}, {}), NetworkState({name: stacked}, {})


def _stepped(
    block: Block, state: NetworkState, external: External, wanted: NetworkState, checkpoint: int | None, deferred: bool
) -> tuple[NetworkState, NetworkState]:
    """Scan a block, in one piece or in segments that are recomputed in the backward pass."""
    part = lambda tree: NetworkState(  # noqa: E731
        {name: tree.populations[name] for name in block.order},
        {name: tree.projections[name] for name in block.projections},
    )
    start, record = part(state), part(wanted)

    def piece(state: NetworkState, external: External) -> tuple[NetworkState, NetworkState]:
        if deferred:
            final, (recorded,) = run_deferred(block, state, external, record)
        else:
            final, (recorded,) = run(block, state, external, (record,), plain=not deferred)
        return final, recorded

    if checkpoint is None:
        return piece(start, external)
    return _in_segments(piece, start, external, checkpoint)


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
            buffer = _under_way(projection, name, state, kept, steps)
            final.projections[name] = final.projections[name]._replace(buffer=buffer)
        elif name not in final.projections:
            final.projections[name] = ProjectionState((), _under_way(projection, name, state, kept, steps))


def _same_block(network: Network, projection: Projection) -> tuple[str, ...]:
    return next(names for names in network.blocks() if projection.target in names)


def _under_way(projection: Projection, name: str, state: NetworkState, kept: NetworkState, steps: int) -> Array:
    """The last `delay - 1` signals before the newest one."""
    buffer = state.projections[name].buffer
    if projection.delay < 2:
        return buffer
    source = state.populations[projection.source]
    sent = over_time(projection.read, kept.populations[projection.source], source, steps)
    return jnp.concatenate([buffer, projection.read(source)[None], sent])[-projection.delay : -1]


def _recorded(record: Callable[[NetworkState], PyTree], kept: NetworkState, state: NetworkState, steps: int) -> PyTree:
    """Values of `record` at every step, from the leaves that were kept."""
    mask = leaves_read(record, state)
    leaves: list[Array | None] = []
    for (path, _), read in zip(jax.tree_util.tree_flatten_with_path(state)[0], jax.tree.leaves(mask), strict=True):
        leaves.append(_at(kept, path) if read else None)
    full = jax.tree.unflatten(jax.tree.structure(state), leaves)
    return over_time(record, full, state, steps)


def _at(tree: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        if isinstance(key, GetAttrKey):
            tree = getattr(tree, key.name)
        else:
            tree = tree[getattr(key, "key", getattr(key, "idx", None))]
    return tree
