"""One block of populations, stepped through time."""

from collections.abc import Callable
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, PyTree

from metaplast.network import (
    Network,
    NetworkState,
    Population,
    PopulationState,
    Projection,
    ProjectionState,
    intrinsic_local,
)
from metaplast.signals import Drive, Transmission


class External(NamedTuple):
    """What enters a block from outside, for all steps (inside a step: for one)."""

    current: dict[str, Array]
    """By population: [time, batch, *drive]."""
    modulator: dict[str, Array]
    """By population: [time, batch, *shape]."""
    signal: dict[str, Array]
    """By plastic projection from outside the block, delay done: [time, batch, *source]."""


class Trace(NamedTuple):
    """What happened inside a block at one step, as far as a backward pass has to know it."""

    before: dict[str, PopulationState]
    """State of every population before the step."""
    current: dict[str, Array]
    """Total current of the populations at which a stepped projection ends; of the others it is the external one."""
    signal: dict[str, Array]
    """What arrived over every projection."""


class Block(eqx.Module):
    """Populations that have to be stepped together, in order, and the projections that are stepped with them."""

    populations: dict[str, Population]
    projections: dict[str, Projection]
    order: tuple[str, ...] = eqx.field(static=True)
    dt: float = eqx.field(static=True)

    @property
    def plastic(self) -> bool:
        """Whether a weight changes within the run."""
        return any(projection.plastic for projection in self.projections.values())


def make_block(network: Network, names: tuple[str, ...]) -> Block:
    """The block of `names`: stepped are its inner projections and whatever plastic ones arrive."""
    stepped = {
        name: projection
        for name, projection in network.projections.items()
        if projection.target in names and (projection.source in names or projection.plastic)
    }
    return Block({name: network.populations[name] for name in names}, stepped, names, network.dt)


def update(population: Population, state: PopulationState, current: Array, dt: float) -> PopulationState:
    """Intrinsic mechanisms and neuron model of one population: cell by cell, without any connection."""
    drive = Drive(current, jnp.zeros((), current.dtype))
    drive, intrinsic = population.intrinsic.update(drive, state.intrinsic, intrinsic_local(drive, state, dt))
    sent, neuron = population.neuron.step(drive, state.neuron, dt)
    return PopulationState(neuron, intrinsic, sent, state.modulator)


def step(
    block: Block,
    state: NetworkState,
    external: External,
    update: Callable[[str, PopulationState, Array], PopulationState],
) -> tuple[NetworkState, Trace]:
    """One time step of a block; `update` takes a population by name from its state and current to its next state."""
    populations, projections = dict(state.populations), dict(state.projections)
    trace = Trace(dict(state.populations), {}, {})
    for name in block.order:
        before = state.populations[name]
        arrived = {"current": external.current[name], "modulator": external.modulator.get(name, before.modulator)}
        for channel, projection in block.projections.items():
            if projection.target == name:
                signal, buffer = _arrival(block, channel, projection, state, populations, external)
                current, plasticity = _transmit(projection, signal, state.projections[channel], before, block.dt)
                projections[channel] = ProjectionState(plasticity, buffer)
                arrived[projection.port] = arrived[projection.port] + current
                trace.signal[channel], trace.current[name] = signal, arrived["current"]
        populations[name] = update(name, before, arrived["current"])._replace(modulator=arrived["modulator"])
    return NetworkState(populations, projections), trace


def _arrival(
    block: Block,
    channel: str,
    projection: Projection,
    state: NetworkState,
    updated: dict[str, PopulationState],
    external: External,
) -> tuple[Array, Array]:
    """The signal that arrives over a projection at this step, and its buffer for the next."""
    buffer = state.projections[channel].buffer
    if projection.source not in block.populations:
        return external.signal[channel], buffer
    if projection.delay == 0:
        return projection.read(updated[projection.source]), buffer
    newest = projection.read(state.populations[projection.source])
    if projection.delay == 1:
        return newest, buffer
    queue = jnp.concatenate([buffer, newest[None]])
    return queue[0], queue[1:]


def _transmit(
    projection: Projection, signal: Array, state: ProjectionState, target: PopulationState, dt: float
) -> tuple[Array, PyTree]:
    """Current over a projection, and the state of its mechanisms."""
    if not projection.plastic:
        return projection.transmit(projection.weight, signal), state.plasticity
    flow = Transmission(signal, projection.weight)  # pyright: ignore[reportArgumentType]
    flow, plasticity = projection.plasticity.update(flow, state.plasticity, projection.local(signal, target, dt))
    return projection.transmit(flow.weight, flow.activity), plasticity


def run(
    block: Block, state: NetworkState, external: External, record: PyTree
) -> tuple[NetworkState, NetworkState]:
    """Scan a block over time, for plain autodiff: final state and the leaves that the mask `record` keeps.

    The update of a population is recomputed in the backward pass: its arithmetic is cheaper than its memory.
    """

    @eqx.filter_checkpoint(prevent_cse=False)
    def recomputed(population: Population, state: PopulationState, current: Array) -> PopulationState:
        return update(population, state, current, block.dt)

    def body(state: NetworkState, now: External) -> tuple[NetworkState, NetworkState]:
        state, _ = step(block, state, now, lambda name, *args: recomputed(block.populations[name], *args))
        return state, eqx.filter(state, record)

    return jax.lax.scan(body, state, external)


def flat(signals: Array) -> Array:
    """[time, batch, ...] -> [time * batch, ...]: a static connection sees time as more examples."""
    return signals.reshape(-1, *signals.shape[2:])
