"""One block of populations, stepped through time: the only scan over time, and its gradient.

The weight of a static recurrent projection is a constant inside the scan. The backward scan yields the cotangent of
the target's current at every step, and the weight gradient is one contraction over time and batch afterwards,
instead of one outer product a step. This holds for any connection that is linear in its weight.
"""

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
from metaplast.recording import over_time
from metaplast.signals import Drive, Transmission


class External(NamedTuple):
    """What enters a block from outside, for all steps (inside a step: for one)."""

    current: dict[str, Array]
    """By population: [time, batch, *drive]."""
    modulator: dict[str, Array]
    """By population: [time, batch, *shape]."""
    signal: dict[str, Array]
    """By plastic projection from outside the block, delay done: [time, batch, *source]."""


class Block(eqx.Module):
    """Populations that have to be stepped together, in order, and the projections that are stepped with them."""

    populations: dict[str, Population]
    projections: dict[str, Projection]
    order: tuple[str, ...] = eqx.field(static=True)
    dt: float = eqx.field(static=True)

    @property
    def static(self) -> tuple[str, ...]:
        """Projections whose weight is constant in time, so that its gradient can wait until after the scan."""
        return tuple(name for name, p in self.projections.items() if not p.plastic and p.weight is not None)


def make_block(network: Network, names: tuple[str, ...]) -> Block:
    """The block of `names`: stepped are its inner projections and whatever plastic ones arrive."""
    stepped = {
        name: projection
        for name, projection in network.projections.items()
        if projection.target in names and (projection.source in names or projection.plastic)
    }
    return Block({name: network.populations[name] for name in names}, stepped, names, network.dt)


def step(block: Block, state: NetworkState, external: External) -> NetworkState:
    """One time step of a block."""
    populations, projections = dict(state.populations), dict(state.projections)
    for name in block.order:
        before = state.populations[name]
        arrived = {"current": external.current[name], "modulator": external.modulator.get(name)}
        for channel, projection in block.projections.items():
            if projection.target == name:
                signal, buffer = _arrival(block, channel, projection, state, populations, external)
                current, plasticity = _transmit(projection, signal, state.projections[channel], before, block.dt)
                projections[channel] = ProjectionState(plasticity, buffer)
                sofar = arrived[projection.port]
                arrived[projection.port] = current if sofar is None else sofar + current
        populations[name] = _update(block.populations[name], before, arrived["current"], arrived["modulator"], block.dt)
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


def _transmit(
    projection: Projection, signal: Array, state: ProjectionState, target: PopulationState, dt: float
) -> tuple[Array, PyTree]:
    """Current over a projection, and the state of its mechanisms."""
    if not projection.plastic:
        return projection.transmit(projection.weight, signal), state.plasticity
    flow = Transmission(signal, projection.weight)  # pyright: ignore[reportArgumentType]
    flow, plasticity = projection.plasticity.update(flow, state.plasticity, projection.local(signal, target, dt))
    return projection.transmit(flow.weight, flow.activity), plasticity


def _update(
    population: Population, state: PopulationState, current: Array, modulator: Array | None, dt: float
) -> PopulationState:
    """Intrinsic mechanisms and neuron model of one population.

    Recomputed in the backward pass: its arithmetic is cheaper than writing its intermediates to memory.
    """

    def advance(population: Population, state: PopulationState, current: Array) -> PopulationState:
        drive = Drive(current, jnp.zeros((), current.dtype))
        local = intrinsic_local(drive, state, dt)
        drive, intrinsic = population.intrinsic.update(drive, state.intrinsic, local)
        sent, neuron = population.neuron.step(drive, state.neuron, dt)
        return PopulationState(neuron, intrinsic, sent, state.modulator)

    after = eqx.filter_checkpoint(advance, prevent_cse=False)(population, state, current)
    return after if modulator is None else after._replace(modulator=modulator)


def run(
    block: Block, state: NetworkState, external: External, record: PyTree, signals: PyTree
) -> tuple[NetworkState, NetworkState, NetworkState]:
    """Scan a block over time: final state, recorded leaves, and the leaves that the signals of `Block.static` need."""

    def body(state: NetworkState, now: External) -> tuple[NetworkState, tuple[NetworkState, NetworkState]]:
        state = step(block, state, now)
        return state, (eqx.filter(state, record), eqx.filter(state, signals))

    state, (recorded, signalled) = jax.lax.scan(body, state, external)
    return state, recorded, signalled


def run_deferred(
    block: Block, state: NetworkState, external: External, record: PyTree, signals: PyTree
) -> tuple[NetworkState, NetworkState]:
    """`run` with the weight gradients of static projections taken after the backward scan, in one product each."""
    names = block.static
    weights = {name: block.projections[name].weight for name in names}
    rest = eqx.tree_at(lambda b: [b.projections[name].weight for name in names], block, [None] * len(names))
    learned, arrays = eqx.partition((rest, state, external), eqx.is_inexact_array)
    arrays, structure = eqx.partition(arrays, eqx.is_array)

    def assemble(weights: PyTree, learned: PyTree, arrays: PyTree) -> tuple[Block, NetworkState, External]:
        rest, state, external = eqx.combine(learned, arrays, structure)
        if names:
            values = [weights[name] for name in names]
            where = lambda b: [b.projections[name].weight for name in names]  # noqa: E731
            rest = eqx.tree_at(where, rest, values, is_leaf=lambda leaf: leaf is None)
        return rest, state, external

    @jax.custom_vjp
    def core(weights: PyTree, learned: PyTree, arrays: PyTree) -> tuple[NetworkState, NetworkState]:
        final, recorded, _ = run(*assemble(weights, learned, arrays), record, nothing_like(signals))
        return final, recorded

    def forward(weights: PyTree, learned: PyTree, arrays: PyTree):
        def constant_weights(learned: PyTree):
            final, recorded, signalled = run(*assemble(weights, learned, arrays), record, signals)
            return (final, recorded), signalled

        (final, recorded), pull, signalled = jax.vjp(constant_weights, learned, has_aux=True)
        kept = eqx.combine(recorded, signalled)
        return (final, recorded), (pull, kept, weights, learned, arrays)

    def backward(residuals, cotangents):
        pull, kept, weights, learned, arrays = residuals
        (change,) = pull(cotangents)
        block, state, _ = assemble(weights, learned, arrays)
        delta = change[2]
        gradients = {name: _weight_gradient(block.projections[name], state, kept, delta, name) for name in names}
        return gradients, change, None

    core.defvjp(forward, backward)
    return core(weights, learned, arrays)


def nothing_like(mask: PyTree) -> PyTree:
    """A mask of the same structure that keeps nothing."""
    return jax.tree.map(lambda _: False, mask)


def _weight_gradient(
    projection: Projection, state: NetworkState, kept: NetworkState, delta: External, name: str
) -> Array:
    """Contraction over time and batch of the signals that went in and the cotangents of what came out."""
    cotangent = getattr(delta, projection.port)[projection.target]
    steps = cotangent.shape[0]
    source = state.populations[projection.source]
    signals = over_time(projection.read, kept.populations[projection.source], source, steps)
    signals = delayed(signals, projection.read(source), state.projections[name].buffer, projection.delay)
    if projection.gain is not None:
        cotangent = projection.gain * cotangent
    return projection.connection.contract(projection.weight, flat(signals), flat(cotangent))


def delayed(signals: Array, initial: Array, buffer: Array, delay: int) -> Array:
    """Signals as they arrive `delay` steps later: first those under way, then the initial one, then the new ones."""
    if delay == 0:
        return signals
    steps = signals.shape[0]
    return jnp.concatenate([buffer, initial[None], signals])[:steps]


def flat(signals: Array) -> Array:
    """[time, batch, ...] -> [time * batch, ...]: a static connection sees time as more examples."""
    return signals.reshape(-1, *signals.shape[2:])
