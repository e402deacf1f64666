"""The words that flow through a network: what a synapse carries, what a soma receives, what a mechanism may know."""

from collections.abc import Callable
from typing import Any, NamedTuple

from jax.ad_checkpoint import checkpoint_name
from jaxtyping import Array, Float, PyTree


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


class Ahead(NamedTuple):
    """What a mechanism may use of its connection when it knows all signals that will arrive."""

    steps: int
    apply: Callable[[Array | None, Array], Array]
    """(weight, activity) -> current, with the gain of the projection if that is one number."""
    gram: Callable[[Array, Array], Array | None]
    """(now [batch, *source], then [other, *source]) -> [batch, other] such that the current of `now` through the batch
    sum of `then` outer `post` is gram(now, then) @ post, gain and all; None in a geometry without such a matrix."""


class Foresight(NamedTuple):
    """How a mechanism does its work when it knows all signals that will arrive, without a weight a step."""

    stepper: Any
    """A `mechanism.Stepper`."""
    slices: PyTree
    """What it needs at each step: [time, ...]."""
    state: PyTree
    """What it remembers from step to step, in place of the state of the mechanism."""
    finish: Callable[[PyTree, Local], PyTree]
    """The latter from the former after the last step, as `Mechanism.finish` leaves it."""


KEPT = "kept for the backward pass"
"""Name of the values that the backward pass remembers; all others it recomputes from them."""


def kept(value: Array) -> Array:
    """Mark a value at which work ends that the backward pass should not repeat, such as the membrane at a threshold.

    It then keeps the value instead of integrating the membrane again. Only speed depends on it.
    """
    return checkpoint_name(value, KEPT)
