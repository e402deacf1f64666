"""Sequences of tasks made of one set of images: the same classes, seen another way in every task."""

from collections.abc import Callable
from math import prod

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.scipy.ndimage import map_coordinates
from jaxtyping import Array, Float, Int

Images = Float[Array, "batch height width channels"]
Transform = Callable[[Images, Int[Array, ""]], Images]
"""(images, task) -> the images as they are in that task; tasks count from 0, where they are as they came."""


class Permuted(eqx.Module):
    """Pixels in another order in every task, the channels of a pixel together: permuted MNIST.

    Reference: Goodfellow et al. (2013), arXiv:1312.6211; Lopez-Paz & Ranzato (2017).
    """

    order: Int[Array, "tasks pixels"]
    """Which pixel is shown at a place."""

    def __call__(self, images: Images, task: Int[Array, ""]) -> Images:
        pixels = images.reshape(images.shape[0], -1, images.shape[-1])
        return pixels[:, self.order[task]].reshape(images.shape)


class Rotated(eqx.Module):
    """Images turned by another angle in every task: rotated MNIST.

    Reference: Lopez-Paz & Ranzato (2017), whose angles are drawn from 0 to 180 degrees.
    """

    angle: Float[Array, " tasks"]
    """Radians, counter-clockwise."""

    def __call__(self, images: Images, task: Int[Array, ""]) -> Images:
        turned = jax.vmap(lambda channel: rotated(channel, self.angle[task]), in_axes=-1, out_axes=-1)
        return turned(images)


def transform(
    kind: str, shape: tuple[int, ...], tasks: int, *, largest: float = 90.0, seed: int = 0
) -> Permuted | Rotated:
    """Tasks of a kind for images of `shape` (height, width, channels); the first leaves them as they are.

    `largest` is the angle of the last task (degrees), and the others lie evenly between; `seed` draws permutations.

    Raises:
        ValueError: an unknown kind.
    """
    if kind == "rotated":
        return Rotated(jnp.deg2rad(jnp.linspace(0.0, largest, tasks)))
    if kind != "permuted":
        raise ValueError(f"kind of sequence {kind!r}; there are: permuted, rotated")
    pixels, key = prod(shape[:-1]), jax.random.key(seed)
    drawn = [jax.random.permutation(jax.random.fold_in(key, task), pixels) for task in range(1, tasks)]
    return Permuted(jnp.stack([jnp.arange(pixels), *drawn]))


def rotated(images: Float[Array, "batch height width"], angle: Float[Array, ""]) -> Float[Array, "batch height width"]:
    """Images turned counter-clockwise about their middle by `angle` (radians), linearly interpolated."""
    height, width = images.shape[1:]
    rows, columns = jnp.meshgrid(
        jnp.arange(height) - (height - 1) / 2, jnp.arange(width) - (width - 1) / 2, indexing="ij"
    )
    # Rows count downwards, so this is where a pixel of the turned image comes from.
    row = jnp.cos(angle) * rows + jnp.sin(angle) * columns + (height - 1) / 2
    column = -jnp.sin(angle) * rows + jnp.cos(angle) * columns + (width - 1) / 2
    return jax.vmap(lambda image: map_coordinates(image, [row, column], order=1))(images)
