"""One block of populations, stepped through time: the only scan over time."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, PyTree

from metaplast.mechanism import Stepper
from metaplast.network import (
    Network,
    NetworkState,
    Population,
    PopulationState,
    Projection,
    ProjectionState,
    intrinsic_local,
)
from metaplast.signals import KEPT, Drive, Transmission, kept

Transmit = Callable[[Array], Array]


class External(NamedTuple):
    """What enters a block from outside, for all steps (inside a step: for one)."""

    current: dict[str, Array]
    """By population: [time, batch, *drive]."""
    modulator: dict[str, Array]
    """By population: [time, batch, *shape]."""
    signal: dict[str, PyTree]
    """By plastic projection from outside the block, delay done: [time, batch, *source], or slices of a foresight."""
    drawn: dict[str, PyTree]
    """By population: random numbers of its intrinsic mechanisms."""


class Block(eqx.Module):
    """Populations that have to be stepped together, in order, and the projections that are stepped with them."""

    populations: dict[str, Population]
    projections: dict[str, Projection]
    order: tuple[str, ...] = eqx.field(static=True)
    dt: float = eqx.field(static=True)
    foreseen: dict[str, Stepper] = eqx.field(default_factory=dict)
    """Plastic projections from outside whose mechanism knows all that will arrive."""

    @property
    def constant(self) -> tuple[str, ...]:
        """Projections whose weight does not change in time, so that its gradient can wait until after the scan."""
        return tuple(name for name, p in self.projections.items() if not p.plastic and p.weight is not None)


def make_block(network: Network, names: tuple[str, ...]) -> Block:
    """The block of `names`: stepped are its inner projections and whatever plastic ones arrive."""
    stepped = {
        name: projection
        for name, projection in network.projections.items()
        if projection.target in names and (projection.source in names or projection.plastic)
    }
    return Block({name: network.populations[name] for name in names}, stepped, names, network.dt)


def step(block: Block, transmit: dict[str, Transmit], state: NetworkState, external: External) -> NetworkState:
    """One time step of a block; `transmit` has, for projections without plasticity, their current as a function."""
    populations, projections = dict(state.populations), dict(state.projections)
    for name in block.order:
        before = state.populations[name]
        arrived = {"current": external.current[name], "modulator": external.modulator.get(name, before.modulator)}
        for channel, projection in block.projections.items():
            if projection.target == name:
                signal, buffer = _arrival(block, channel, projection, state, populations, external)
                if channel in block.foreseen:
                    current, plasticity = _foreseen(block, channel, signal, state.projections[channel], before)
                elif projection.plastic:
                    current, plasticity = _plastic(projection, signal, state.projections[channel], before, block.dt)
                else:
                    current, plasticity = transmit[channel](signal), ()
                projections[channel] = ProjectionState(plasticity, buffer)
                arrived[projection.port] = arrived[projection.port] + current
        drawn = external.drawn.get(name)
        populations[name] = _update(block.populations[name], before, arrived, drawn, block.dt)
    return NetworkState(populations, projections)


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


def _plastic(
    projection: Projection, signal: Array, state: ProjectionState, target: PopulationState, dt: float
) -> tuple[Array, PyTree]:
    """Current over a plastic projection, and the state of its mechanisms."""
    flow = Transmission(signal, projection.weight)  # pyright: ignore[reportArgumentType]
    flow, plasticity = projection.plasticity.update(flow, state.plasticity, projection.local(signal, target, dt))
    return projection.transmit(flow.weight, flow.activity), plasticity


def _foreseen(
    block: Block, channel: str, now: PyTree, state: ProjectionState, target: PopulationState
) -> tuple[Array, PyTree]:
    """Current over a plastic projection whose mechanism knows all that will arrive, and what it remembers."""
    projection = block.projections[channel]
    local = projection.local(jnp.zeros(()), target, block.dt)
    return block.foreseen[channel].step(now, state.plasticity, local)


def _update(
    population: Population, state: PopulationState, arrived: dict[str, Array], drawn: PyTree, dt: float
) -> PopulationState:
    """Intrinsic mechanisms and neuron model of one population: cell by cell, without any connection."""
    current = kept(arrived["current"])
    drive = Drive(current, jnp.zeros((), current.dtype))
    local = intrinsic_local(drive, state, dt)._replace(drawn=drawn)
    drive, intrinsic = population.intrinsic.update(drive, state.intrinsic, local)
    sent, neuron = population.neuron.step(drive, state.neuron, dt)
    return PopulationState(neuron, intrinsic, sent, arrived["modulator"])


def run(
    block: Block, state: NetworkState, external: External, masks: tuple[PyTree, ...], *, plain: bool = False
) -> tuple[NetworkState, tuple[NetworkState, ...]]:
    """Scan a block over time: final state, and for every mask the leaves that it keeps, stacked over time.

    For the backward pass each step keeps only the membranes and currents that were marked `KEPT` and recomputes the
    rest from them: arithmetic on numbers at hand is cheaper than more numbers in memory. `plain` leaves out what
    is prepared for the backward products, which has no derivative in forward mode.
    """
    static = {name: p for name, p in block.projections.items() if not p.plastic}
    transmit = {name: partial(p.transmit, p.weight) if plain else p.constant() for name, p in static.items()}
    policy = jax.checkpoint_policies.save_only_these_names(KEPT)

    @eqx.filter_checkpoint(policy=policy, prevent_cse=False)
    def remembered(state: NetworkState, now: External) -> NetworkState:
        return step(block, transmit, state, now)

    def body(state: NetworkState, now: External) -> tuple[NetworkState, tuple[NetworkState, ...]]:
        state = remembered(state, now)
        return state, tuple(eqx.filter(state, mask) for mask in masks)

    return jax.lax.scan(body, state, external)


def flat(signals: Array) -> Array:
    """[time, batch, ...] -> [time * batch, ...]: a static connection sees time as more examples."""
    return signals.reshape(-1, *signals.shape[2:])
