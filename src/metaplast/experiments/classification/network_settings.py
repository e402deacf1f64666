"""Settings of the network that classifies: its kind, its layers and their cells."""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from metaplast.experiments.models import Count, Positive
from metaplast.models import Stage


class StageSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A convolutional layer; in a residual network a block of two, which has channels only."""

    channels: Count
    """Feature maps."""
    kernel: Count = 3
    """Side of the kernel (pixels)."""
    stride: Count = 1
    """Pixels from one place of the kernel to the next."""
    pool: Count = 1
    """Side of the windows over which spikes are averaged on the way to the next layer."""

    def stage(self) -> Stage:
        """The same as the models take it."""
        return Stage(self.channels, self.kernel, self.stride, self.pool)


class NetworkSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The layers and their cells."""

    kind: Literal["dense", "convolutional", "residual"] = "dense"
    """Fully connected layers only, or behind convolutional ones, or behind residual blocks (`models.convolutional`)."""
    stages: list[StageSettings] = []
    """Convolutional layers, from the image on; of a residual network its blocks."""
    normalised: bool | None = None
    """Whether the currents of convolutional and residual networks are normalised; they are if nothing is said."""
    hidden: list[Count] = msgspec.field(default_factory=lambda: [128])
    """Cells of each fully connected hidden layer."""
    steps: Count = 8
    """Time steps of a presentation (Wu et al. 2022)."""
    dt: Positive = 1.0
    """Length of a step (ms); a unit only, since the leak is given by step."""
    threshold: Positive = 0.35
    """Firing threshold (Wu et al. 2022)."""
    keep: Annotated[float, Meta(gt=0, lt=1)] = 0.4
    """Share of the membrane that is left after a step (Wu et al. 2022)."""
    ceiling: Positive = 1.1
    """Largest score, in units of the threshold (Wu et al. 2022)."""
    surrogate: dict[str, Any] = msgspec.field(default_factory=lambda: {"name": "rectangular"})
    """Surrogate derivative of the spike."""

    @property
    def maps(self) -> int:
        """Number of convolutional layers; a residual network has one before its blocks."""
        return 1 + 2 * len(self.stages) if self.kind == "residual" else len(self.stages)

    @property
    def layers(self) -> int:
        """Number of layers after the input."""
        return self.maps + len(self.hidden) + 1

    @property
    def normalises(self) -> bool:
        """Whether currents are normalised while the network learns."""
        return self.kind != "dense" and self.normalised is not False

    def __post_init__(self) -> None:
        if self.kind == "dense" and (self.stages or self.normalised):
            given = "stages" if self.stages else "normalised"
            raise ValueError(
                f'{given}: a dense network has none; say kind = "convolutional" or "residual", or leave it out'
            )
        if self.kind != "dense" and not self.stages:
            raise ValueError(f"stages: a {self.kind} network needs at least one, such as {{channels = 32}}")
        if self.kind == "residual" and any(one != StageSettings(one.channels) for one in self.stages):
            raise ValueError(
                "stages: a block of a residual network has channels only; leave out kernel, stride and pool"
            )
