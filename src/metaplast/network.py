"""A network: populations of neurons, and the projections between them."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, PRNGKeyArray, PyTree

from metaplast.connections.base import Connection
from metaplast.graph import Edge, blocks
from metaplast.mechanism import Chain, Mechanism, chain
from metaplast.neurons.base import Neuron
from metaplast.params import strong_float
from metaplast.signals import Drive, Local, Transmission

PORTS = ("current", "modulator")


class PopulationState(NamedTuple):
    """What a population holds between two steps."""

    neuron: Any
    intrinsic: PyTree
    activity: Array
    """What its cells sent at the last step, [batch, *shape]."""
    modulator: Array
    """What arrived on its modulator port at the last step; a scalar zero where nothing projects there."""


class ProjectionState(NamedTuple):
    """What a projection holds between two steps."""

    plasticity: PyTree
    buffer: Array
    """Signals still under way, oldest first: [delay - 1, batch, *source]."""


class NetworkState(NamedTuple):
    """Everything that changes in a simulation; it determines the future of the network."""

    populations: dict[str, PopulationState]
    projections: dict[str, ProjectionState]


def activity(state: PopulationState) -> Array:
    """What the cells sent: the ordinary signal of a projection."""
    return state.activity


def voltage(state: PopulationState) -> Array:
    """The somatic membrane: for readouts that see below the threshold."""
    return state.neuron.voltage


def as_shape(shape: int | tuple[int, ...]) -> tuple[int, ...]:
    """A whole number is a population in one row."""
    return (shape,) if isinstance(shape, int) else tuple(shape)


def by_name(parts: dict[str, Any]) -> dict[str, Any]:
    """In the order of names, which is the order that any tree operation leaves a dictionary in."""
    return dict(sorted(parts.items()))


class Population(eqx.Module):
    """Cells of one kind: a neuron model, a shape, intrinsic mechanisms and an optional constant current `bias`."""

    neuron: Neuron
    shape: tuple[int, ...] = eqx.field(converter=as_shape, static=True)
    intrinsic: Mechanism = eqx.field(default_factory=chain)
    bias: Array | None = eqx.field(default=None, converter=lambda bias: None if bias is None else strong_float(bias))

    @property
    def drive_shape(self) -> tuple[int, ...]:
        """Shape of the current of one example."""
        return self.neuron.drive_shape(self.shape)


class Projection(eqx.Module):
    """A bundle of synapses from one population to another (or back to itself).

    Parallel projections between the same two populations are the channels of a synapse, each with its own weight
    and mechanisms; `gain` says how much each contributes. `delay` counts steps; every loop needs at least one.
    `read` says which signal of the source is sent: its activity, or its membrane (`voltage`). `port` is where it
    arrives: as "current", or as "modulator", the third factor of the target's plastic synapses.
    """

    source: str = eqx.field(static=True)
    target: str = eqx.field(static=True)
    connection: Connection
    weight: Array | None = eqx.field(default=None, converter=lambda w: None if w is None else strong_float(w))
    plasticity: Mechanism = eqx.field(default_factory=chain)
    gain: Array | None = eqx.field(default=None, converter=lambda gain: None if gain is None else strong_float(gain))
    delay: int = eqx.field(default=0, static=True)
    port: str = eqx.field(default="current", static=True)
    read: Callable[[PopulationState], Array] = eqx.field(default=activity, static=True)

    def __check_init__(self) -> None:
        if not isinstance(self.delay, int) or self.delay < 0:
            raise ValueError(f"delay is {self.delay!r}; it counts steps, so give a whole number of at least 0")
        if self.port not in PORTS:
            raise ValueError(f"port is {self.port!r}; a projection arrives at one of: {', '.join(PORTS)}")
        if self.plastic and self.weight is None:
            ends = f"{self.source} -> {self.target}"
            raise ValueError(f"the projection {ends} is plastic and has no weight to change; give it a weight")

    @property
    def plastic(self) -> bool:
        """Whether a mechanism acts on it, so that it has to be stepped."""
        return not (isinstance(self.plasticity, Chain) and not self.plasticity.links)

    def transmit(self, weight: Array | None, signal: Array) -> Array:
        """Current caused by `signal` through `weight`, times the gain."""
        return self.amplified(self.connection.apply(weight, signal))

    def amplified(self, current: Array) -> Array:
        """Times the gain, if there is one."""
        return current if self.gain is None else self.gain * current

    def constant(self) -> Callable[[Array], Array]:
        """Current as a function of the signal, for a weight that does not change in time."""
        apply, gain = self.connection.constant(self.weight), self.gain
        return apply if gain is None else lambda signal: gain * apply(signal)

    def local(self, pre: Array, target: PopulationState, dt: float) -> Local:
        """What a plasticity rule of this projection may know."""
        weight: Any = self.weight
        return Local(
            pre,
            target.activity,
            target.neuron.voltage,
            target.modulator,
            dt,
            outer=lambda pre, post: self.connection.outer(weight, pre, post),
            spread=lambda post: self.connection.spread(weight, post),
        )


class Network(eqx.Module):
    """Populations and projections by name, and the time step `dt` (ms).

    Raises:
        ValueError: a projection names no population, its shapes do not fit, or a loop has no delay.
    """

    populations: dict[str, Population] = eqx.field(converter=by_name)
    projections: dict[str, Projection] = eqx.field(converter=by_name)
    dt: float = eqx.field(default=1.0, static=True)

    def __check_init__(self) -> None:
        if not self.dt > 0:
            raise ValueError(f"dt is {self.dt} ms; a time step must be positive")
        for name, projection in self.projections.items():
            for end in (projection.source, projection.target):
                if end not in self.populations:
                    known = ", ".join(self.populations)
                    raise ValueError(f"projections.{name} names population {end!r}; there are: {known}")
        if all(eqx.is_array(leaf) for leaf in jax.tree.leaves(self)):  # not while a mask or a gradient is being built
            self.blocks()
            for name, population in self.populations.items():
                self._check_bias(name, population)
            for name in self.projections:
                self._check_shapes(name)

    def _check_bias(self, name: str, population: Population) -> None:
        wanted, bias = population.drive_shape, population.bias
        if bias is None:
            return
        broadcasts = all(size in (1, goal) for size, goal in zip(bias.shape[::-1], wanted[::-1], strict=False))
        if bias.ndim > len(wanted) or not broadcasts:
            raise ValueError(f"populations.{name}: its bias has shape {bias.shape}, expected {wanted} or a scalar")

    def _check_shapes(self, name: str) -> None:
        projection = self.projections[name]
        source, target = self.populations[projection.source], self.populations[projection.target]
        wanted = target.shape if projection.port == "modulator" else target.drive_shape
        ends = f"projections.{name} ({projection.source} {source.shape} -> {projection.target} {wanted})"
        weight = None if projection.weight is None else projection.weight.shape
        try:
            signal = jax.ShapeDtypeStruct((1, *source.shape), jnp.zeros(()).dtype)
            found = jax.eval_shape(projection.transmit, projection.weight, signal).shape[1:]
        except (TypeError, ValueError, AssertionError) as error:
            raise ValueError(f"{ends}: its weight of shape {weight} does not fit the source") from error
        if found != wanted:
            raise ValueError(f"{ends}: its weight of shape {weight} gives a current of {found}, expected {wanted}")

    def blocks(self) -> tuple[tuple[str, ...], ...]:
        """Strongly connected blocks of populations, sources first."""
        edges = [Edge(p.source, p.target, p.delay) for p in self.projections.values()]
        return blocks(tuple(self.populations), edges)

    def arriving(self, target: str) -> Iterator[tuple[str, Projection]]:
        """Projections that end at `target`, with their names."""
        return ((name, p) for name, p in self.projections.items() if p.target == target)

    def init(self, batch: int, *, key: PRNGKeyArray) -> NetworkState:
        """State at rest for `batch` examples side by side; `key` seeds whatever is random in it."""
        population_key, projection_key = jax.random.split(key)
        keys = jax.random.split(population_key, len(self.populations))
        populations = {
            name: self._init_population(name, batch, k)
            for (name, _), k in zip(self.populations.items(), keys, strict=True)
        }
        keys = jax.random.split(projection_key, max(1, len(self.projections)))
        projections = {
            name: self._init_projection(name, populations, k)
            for (name, _), k in zip(self.projections.items(), keys, strict=False)
        }
        return NetworkState(populations, projections)

    def _init_population(self, name: str, batch: int, key: PRNGKeyArray) -> PopulationState:
        population = self.populations[name]
        neuron_key, intrinsic_key = jax.random.split(key)
        silent = jnp.zeros((batch, *population.shape))
        modulated = any(p.port == "modulator" for _, p in self.arriving(name))
        modulator = jnp.zeros_like(silent) if modulated else jnp.zeros(())
        state = PopulationState(population.neuron.init(silent.shape, neuron_key), (), silent, modulator)
        drive = Drive(jnp.zeros((batch, *population.drive_shape)), jnp.zeros(()))
        local = intrinsic_local(drive, state, self.dt)
        return state._replace(intrinsic=population.intrinsic.init(drive, local, intrinsic_key))

    def _init_projection(
        self, name: str, populations: dict[str, PopulationState], key: PRNGKeyArray
    ) -> ProjectionState:
        projection = self.projections[name]
        signal = projection.read(populations[projection.source])
        buffer = jnp.zeros((max(0, projection.delay - 1), *signal.shape))
        if not projection.plastic:
            return ProjectionState((), buffer)
        local = projection.local(signal, populations[projection.target], self.dt)
        flow = Transmission(signal, projection.weight)  # pyright: ignore[reportArgumentType]
        return ProjectionState(projection.plasticity.init(flow, local, key), buffer)


def intrinsic_local(drive: Drive, state: PopulationState, dt: float) -> Local:
    """What an intrinsic mechanism may know: it has no weight, so products and means are cell by cell."""
    return Local(
        drive.current,
        state.activity,
        state.neuron.voltage,
        state.modulator,
        dt,
        outer=lambda pre, post: (pre * post).mean(axis=0),
        spread=lambda post: post.mean(axis=0),
    )


def consolidate(network: Network, state: NetworkState) -> tuple[Network, NetworkState]:
    """Move what plasticity has changed in the state into the weights of the network, and clear it from the state."""
    projections, states = dict(network.projections), dict(state.projections)
    for name, projection in network.projections.items():
        if projection.plastic and projection.weight is not None:
            weight, after = projection.plasticity.consolidate(projection.weight, states[name].plasticity)
            projections[name] = eqx.tree_at(lambda p: p.weight, projection, weight)
            states[name] = states[name]._replace(plasticity=after)
    network = eqx.tree_at(lambda n: n.projections, network, projections)
    return network, state._replace(projections=states)


def carry_over(network: Network, state: NetworkState, batch: int, *, key: PRNGKeyArray) -> NetworkState:
    """State for the next presentation, to `batch` examples: all at rest, but what mechanisms keep (a trace, a change).

    No gradient passes from one presentation to the next.
    """
    fresh = network.init(batch, key=key)
    populations, projections = dict(fresh.populations), dict(fresh.projections)
    for name, population in network.populations.items():
        last = state.populations[name]
        drive = Drive(jnp.zeros((last.activity.shape[0], *population.drive_shape)), jnp.zeros(()))
        local = intrinsic_local(drive, last, network.dt)
        kept = population.intrinsic.carry(last.intrinsic, populations[name].intrinsic, local)
        populations[name] = populations[name]._replace(intrinsic=_without_gradient(kept))
    for name, projection in network.projections.items():
        if projection.plastic:
            signal = projection.read(state.populations[projection.source])
            local = projection.local(signal, state.populations[projection.target], network.dt)
            before, empty = state.projections[name].plasticity, projections[name].plasticity
            kept = projection.plasticity.carry(before, empty, local)
            projections[name] = projections[name]._replace(plasticity=_without_gradient(kept))
    return NetworkState(populations, projections)


def _without_gradient(tree: PyTree) -> PyTree:
    return jax.tree.map(lambda leaf: jax.lax.stop_gradient(leaf) if eqx.is_inexact_array(leaf) else leaf, tree)
