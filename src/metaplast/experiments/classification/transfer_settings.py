"""Settings of what a classification run learns besides one task: tasks after it, and classes it has never seen."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from metaplast.experiments.models import Count


class ContinualSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Several tasks that are learned one after the other, without the examples of those before.

    All have the same classes and output cells, and the first one the examples as they are. What learners remember
    (Adam's moments, Hebbian traces) goes on from task to task.
    """

    kind: Literal["none", "permuted", "rotated"] = "none"
    """How tasks differ: pixels in another order, images turned by another angle, or not: there is one task."""
    tasks: Count = 1
    """Number of tasks; training.epochs are those of each."""
    largest: Annotated[float, Meta(gt=0, le=180)] = 90.0
    """Rotated: angle of the last task (degrees); the others lie evenly between, counter-clockwise."""
    seed: Annotated[int, Meta(ge=0)] = 0
    """Permuted: draws the orders of pixels, the same for all conditions and seeds."""


class FewShotSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Classes that are held back, and learned from a few examples by a fast mechanism once all else is learned."""

    unseen: Annotated[int, Meta(ge=0)] = 0
    """Classes that are not learned, the last ones; 0 means none, and no episodes."""
    ways: Annotated[int, Meta(ge=2)] = 3
    """Classes of an episode."""
    shots: Count = 5
    """Examples of each class that are shown."""
    queries: Count = 10
    """Examples of each class that are asked for."""
    episodes: Count = 100
    """Episodes of each network; all conditions of a seed share them."""
    readouts: list[Literal["hebbian", "self-backpropagation", "least-squares"]] = msgspec.field(
        default_factory=lambda: ["hebbian", "self-backpropagation", "least-squares"]
    )
    """Mechanisms by which an empty readout of the last hidden layer learns the new classes, each by itself."""
    hidden: bool = True
    """Whether Hebbian traces of the hidden layers go on while the examples are shown; slow weights always stay."""
