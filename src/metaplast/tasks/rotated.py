"""Images turned by an angle: the same classes, seen anew in every problem."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, PRNGKeyArray, UInt8

from metaplast.data import load
from metaplast.data.sequences import rotated
from metaplast.tasks.base import Family, Problem, Trial, count_steps, during, setting


class RotatedProblem(Problem):
    """Images, all turned by one angle (radians, counter-clockwise), and their classes."""

    images: UInt8[Array, "images height width"]
    labels: Int[Array, " images"]
    angle: Float[Array, ""]
    steps: int = eqx.field(static=True)
    graded: int = eqx.field(static=True)

    def trials(self, key: PRNGKeyArray, batch: int) -> Trial:
        chosen = jax.random.randint(key, (batch,), 0, self.labels.shape[0])
        shown = rotated(self.images[chosen].astype(jnp.float32) / 255.0, self.angle).reshape(batch, -1)
        judged = during(self.steps, slice(self.graded, self.steps))[:, None] * jnp.ones(batch)
        target = jnp.broadcast_to(self.labels[chosen], (self.steps, batch))
        return Trial(jnp.broadcast_to(shown, (self.steps, *shown.shape)), target, judged, judged)


class RotatedImages(Family):
    """A data set of grey images as a sequence of problems: each shows it turned by a new random angle.

    A trial shows one image as a constant current for its whole length, one channel a pixel; the class is one of as
    many outputs. Angles are uniform between -`largest` and `largest`; pixels from outside of an image are 0.
    Problems draw from the training images; the test images are not used.

    Sourced: rotations of MNIST as a sequence of tasks, Lopez-Paz & Ranzato (2017), arXiv 1706.08840, with angles below
    180 degrees. Assumed: durations, direct coding, and that a problem is over when its trials are answered rightly.

    Raises:
        FileNotFoundError: the files of a data set that is not built in are not there.
        ValueError: a data set of other than grey images, an angle or a duration that does not fit.
    """

    dt: float = setting(10.0, "time step", "ms")
    images: str = setting("digits", "data set: digits needs no file, mnist and fashion-mnist do")
    root: str = setting("", "folder of the data sets; left out, METAPLAST_DATA or ./data")
    download: bool = setting(False, "whether files that are not there may be downloaded")
    largest: float = setting(90.0, "largest angle each way", "degrees")
    show: float = setting(80.0, "duration of a trial, all of which shows the image", "ms")
    grace: float = setting(20.0, "beginning of the trial that counts in no loss", "ms")
    pixels: UInt8[Array, "images height width"] = eqx.field(init=False, metadata={"help": "the images"})
    labels: Int[Array, " images"] = eqx.field(init=False, metadata={"help": "their classes"})
    classes: int = eqx.field(init=False, static=True, metadata={"help": "number of classes"})

    def __post_init__(self) -> None:
        found = load(self.images, self.root, download=self.download)
        if found.events or found.shape[-1] != 1:
            raise ValueError(f"images is {self.images!r}, whose examples have shape {found.shape}; give grey images")
        # Bytes: four times less to hold than numbers, and they become numbers a batch at a time.
        self.pixels = jnp.asarray(np.round(found.train.inputs[..., 0] * 255.0).astype(np.uint8))
        self.labels = jnp.asarray(found.train.labels)
        self.classes = len(found.classes)

    def __check_init__(self) -> None:
        if not 0 <= self.largest <= 180:
            raise ValueError(f"largest is {self.largest} degrees; give an angle from 0 to 180")
        if self._steps("grace") >= self._steps("show"):
            raise ValueError(f"grace is {self.grace} ms; it must be shorter than the {self.show} ms of a trial")

    def _steps(self, name: str) -> int:
        return count_steps(name, getattr(self, name), self.dt)

    @property
    def channels(self) -> int:
        return self.pixels.shape[1] * self.pixels.shape[2]

    @property
    def outputs(self) -> int:
        return self.classes

    def periods(self) -> dict[str, float]:
        return {"image": self.show}

    def sample(self, key: PRNGKeyArray) -> RotatedProblem:
        angle = jnp.deg2rad(self.largest) * jax.random.uniform(key, minval=-1.0, maxval=1.0)
        return RotatedProblem(self.pixels, self.labels, angle, self._steps("show"), self._steps("grace"))
