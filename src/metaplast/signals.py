"""The words that flow through a network: what a synapse carries, what a soma receives, what a mechanism may know."""

from collections.abc import Callable
from typing import Any, NamedTuple

from jaxtyping import Array, Float


class Transmission(NamedTuple):
    """What flows through a synapse on its way to the target."""

    activity: Float[Array, "batch *source"]
    """Arriving signal: spikes, or a graded value."""
    weight: Float[Array, "..."]
    """Effective weight at this step, in the connection's own geometry."""


class Drive(NamedTuple):
    """What flows into a soma."""

    current: Float[Array, "batch *drive"]
    """Total synaptic and injected current (dimensionless, in units of the threshold)."""
    threshold: Float[Array, "..."]
    """Added to the neuron's own threshold; zero unless a mechanism raises it."""


class Local(NamedTuple):
    """All that a mechanism may know. Locality is a type: what is not here cannot be used.

    On a projection, `pre` is the arriving signal of this step; `post`, `voltage` and `modulator`
    are what the target cell sent, held and received at the *last* step. In a population's own
    (intrinsic) mechanisms `pre` is the current of this step.
    """

    pre: Float[Array, "batch *source"]
    post: Float[Array, "batch *target"]
    voltage: Float[Array, "batch *target"]
    modulator: Float[Array, "..."]
    dt: float
    """Time step (ms)."""
    outer: Callable[[Array, Array], Array]
    """(pre-like, post-like) -> weight-like: the batch mean of outer products, as one product."""
    spread: Callable[[Array], Array]
    """post-like -> the batch mean, shaped so that it broadcasts onto a weight."""
    drawn: Any = None
    """What the mechanism itself has drawn ahead for this step, see `Mechanism.draw`."""
