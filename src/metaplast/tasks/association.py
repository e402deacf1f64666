"""Delayed association of Goudar et al. (2023)."""

import jax
import jax.numpy as jnp
from jaxtyping import PRNGKeyArray

from metaplast.tasks.base import orthonormal, setting
from metaplast.tasks.delayed import DelayedFamily
from metaplast.tasks.recall import GoNoGoRecallProblem


class DelayedAssociation(DelayedFamily):
    """Two images, each associated with one of two choices, chosen after a delay.

    A trial is 500 ms of image, 1000 ms of delay and 500 ms of choice, which begins when the fixation cue goes off;
    its first 100 ms count in no loss. A new problem has two new images: Gaussian vectors of 10 channels, made
    orthonormal by Gram-Schmidt. The fixation channel has the value 1 / sqrt(10).

    All of it sourced: Goudar, Peysakhovich, Freedman, Buffalo & Wang (2023), Nature Neuroscience 26:879, and its
    public code. The associations of a problem (image 0 -> choice 0, image 1 -> choice 1) are as new as the images.
    """

    dt: float = setting(1.0, "time step", "ms")
    image: float = setting(500.0, "duration of the image", "ms")
    delay: float = setting(1000.0, "duration of the delay", "ms")
    choice: float = setting(500.0, "duration of the choice period", "ms")
    grace: float = setting(100.0, "beginning of the choice period that counts in no loss", "ms")

    def __check_init__(self) -> None:
        orthonormal(jax.random.key(0), 2, self.stimulus_size)

    def periods(self) -> dict[str, float]:
        return {"sample": self.image, "delay": self.delay, "choice": self.choice}

    def sample(self, key: PRNGKeyArray) -> GoNoGoRecallProblem:
        images = orthonormal(key, 2, self.stimulus_size)
        return GoNoGoRecallProblem(images, jnp.arange(2), self.timing, self.fixation)
