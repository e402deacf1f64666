"""A layered network that classifies: answered example by example, with what its plasticity remembers over batches."""

from functools import partial
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PyTree

from metaplast.allocation.assignment import Assignment
from metaplast.connections import Moments
from metaplast.learning.thresholds import held, homeostatic, offset, thresholds_after, with_thresholds
from metaplast.mechanism import chain
from metaplast.models.folding import folded
from metaplast.models.layered import INPUT, OUTPUT, projection_name
from metaplast.network import Network, NetworkState, activity, carry_over, consolidate, voltage
from metaplast.neurons import LIF
from metaplast.simulate import simulate

Memory = dict[str, PyTree]
"""By plastic projection, and by population with a homeostatic threshold: the state with which its mechanism meets the
next batch."""


class Answer(NamedTuple):
    """What a classifier says of a batch, and where its network was after the last step."""

    scores: Float[Array, "batch classes"]
    state: NetworkState
    rates: dict[str, Float[Array, "batch *cells"]]
    """By population: what its cells sent, mean over the steps."""
    trace: "Trace"
    """All steps."""


class Classifier(eqx.Module):
    """A network from the population "input" to "output", and the assignment of gains to its channels.

    The gain of a projection is what its channel is assigned times a `strength` of its own (alpha of Wu et al.).
    Scores are the membranes of the output cells after the last step, in units of the threshold and at most `ceiling`.

    Reference: Wu et al. (2022), whose demo reads out `clamp(membrane / threshold, max=1.1)`.
    """

    network: Network
    assignment: Assignment
    strength: dict[str, Float[Array, ""]]
    """By projection."""
    steps: int = eqx.field(static=True)
    """Of a presentation; an input that has only one is held over all of them."""
    ceiling: float = eqx.field(default=1.1, static=True)
    moments: dict[str, Moments] = eqx.field(default_factory=dict)
    """By normalised projection: what its current is brought to its scale and shift with, once it is settled."""

    def wired(self, epoch: Float[Array, ""]) -> Network:
        """The network with the gains of an epoch."""
        gains = {
            projection_name(layer, channel): gain
            for layer, channels in self.assignment.gains(epoch).items()
            for channel, gain in channels.items()
        }
        return eqx.tree_at(
            lambda net: [net.projections[name].gain for name in gains],
            self.network,
            [self.strength[name] * gain for name, gain in gains.items()],
        )

    def at_test(self, epoch: Float[Array, ""], memory: Memory) -> Network:
        """The network with which an epoch is tested: nothing in it changes, and no example depends on another."""
        return folded(frozen(self.wired(epoch), memory), self.moments)

    def answer(
        self, network: Network, inputs: Float[Array, "time batch *source"], memory: Memory, *, margins: bool = False
    ) -> Answer:
        """Scores of a batch; `network` is this one `wired`. The trace has the `margins` of all cells if asked for."""
        state = started(network, inputs.shape[1], memory)
        record = partial(_with_margins, network) if margins else _traced
        trace, state = simulate(network, {INPUT: inputs}, state, record=record, steps=self.steps)
        rates = {name: jnp.mean(sent, axis=0) for name, sent in trace.sent.items()}
        return Answer(self.scores(network, trace.membrane[-1]), state, rates, trace)

    def scores(self, network: Network, membrane: Float[Array, "batch classes"]) -> Float[Array, "batch classes"]:
        """Scores from the membranes of the output cells."""
        threshold = network.populations[OUTPUT].neuron.threshold  # pyright: ignore[reportAttributeAccessIssue]
        return jnp.minimum(membrane / threshold, self.ceiling)


class Trace(NamedTuple):
    """A batch in all its steps."""

    sent: dict[str, Float[Array, "time batch *cells"]]
    """By population; the input sends its current."""
    membrane: Float[Array, "time batch classes"]
    """Of the output cells."""
    margins: dict[str, Float[Array, "time batch *cells"]] = {}  # noqa: RUF012 - never written to
    """By population of spiking cells: how far the membrane was above the threshold; empty where nobody asked."""


def _traced(now: NetworkState) -> Trace:
    sent = {name: activity(state) for name, state in now.populations.items()}
    return Trace(sent, voltage(now.populations[OUTPUT]))


def _with_margins(network: Network, now: NetworkState) -> Trace:
    spiking = {name: one.neuron for name, one in network.populations.items() if isinstance(one.neuron, LIF)}
    margins = {
        name: voltage(now.populations[name]) - neuron.threshold - offset(now, network, name)
        for name, neuron in spiking.items()
    }
    return _traced(now)._replace(margins=margins)


def traced(network: Network, inputs: Float[Array, "time batch *source"], steps: int) -> Trace:
    """Run a network without plasticity on a batch."""
    state = network.init(inputs.shape[1], key=jax.random.key(0))
    found, _ = simulate(network, {INPUT: inputs}, state, record=_traced, steps=steps)
    return found


def plastic_names(network: Network) -> tuple[str, ...]:
    """Projections on which a mechanism acts."""
    return tuple(name for name, projection in network.projections.items() if projection.plastic)


def first_memory(network: Network, batch: int) -> Memory:
    """What is remembered before the first batch, of so many examples."""
    state, single = (network.init(size, key=jax.random.key(0)) for size in (batch, 1))
    plastic = {name: state.projections[name].plasticity for name in plastic_names(network)}
    return plastic | {name: single.populations[name].intrinsic for name in homeostatic(network)}


def started(network: Network, batch: int, memory: Memory) -> NetworkState:
    """State at rest for a batch, with what the plastic projections and homeostatic thresholds remember."""
    state = network.init(batch, key=jax.random.key(0))
    projections = dict(state.projections)
    for name in plastic_names(network):
        projections[name] = projections[name]._replace(plasticity=memory[name])
    return with_thresholds(network, state._replace(projections=projections), memory)


def memory_after(network: Network, state: NetworkState, batch: int) -> Memory:
    """What plastic projections and homeostatic thresholds remember after the presentation that ended in `state`."""
    after = carry_over(network, state, batch, key=jax.random.key(0))
    plastic = {name: after.projections[name].plasticity for name in plastic_names(network)}
    return plastic | thresholds_after(network, state)


def frozen(network: Network, memory: Memory) -> Network:
    """The network with weights and thresholds as plasticity has left them, and none any more, to test what it knows."""
    network = held(network, memory)
    network, _ = consolidate(network, started(network, 1, memory))
    names = plastic_names(network)
    if not names:
        return network
    return eqx.tree_at(
        lambda net: [net.projections[name].plasticity for name in names], network, [chain() for _ in names]
    )
