"""Random changes of examples that keep their labels, made on the device."""

from functools import partial

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray


def shifted(
    images: Float[Array, "batch ... height width channels"], key: PRNGKeyArray, pixels: int
) -> Float[Array, "batch ... height width channels"]:
    """Every example moved by up to `pixels` each way; what comes in is 0. It is also a crop of the padded image.

    Event frames of one example move together.
    """
    moves = jax.random.randint(key, (images.shape[0], 2), 0, 2 * pixels + 1)
    return jax.vmap(partial(_moved, pixels=pixels))(images, moves)


def _moved(image: Array, move: Array, pixels: int) -> Array:
    *leading, height, width, channels = image.shape
    padded = jnp.pad(image, [*[(0, 0)] * len(leading), (pixels, pixels), (pixels, pixels), (0, 0)])
    start = [*[jnp.zeros((), move.dtype)] * len(leading), move[0], move[1], jnp.zeros((), move.dtype)]
    return jax.lax.dynamic_slice(padded, start, (*leading, height, width, channels))


def flipped(
    images: Float[Array, "batch ... height width channels"], key: PRNGKeyArray
) -> Float[Array, "batch ... height width channels"]:
    """Every second example, by lot, mirrored from left to right."""
    chosen = jax.random.bernoulli(key, 0.5, (images.shape[0],))
    return jnp.where(chosen.reshape(-1, *(1,) * (images.ndim - 1)), jnp.flip(images, axis=-2), images)


def dropped(counts: Float[Array, "..."], key: PRNGKeyArray, fraction: float) -> Float[Array, "..."]:
    """Every count (the events of a pixel and polarity in a frame) lost with the probability `fraction`.

    Events of one count go together, which differs from losing each alone only where there are several. Drawing from
    binomial distributions would cost more than many a network.
    """
    return jnp.where(jax.random.bernoulli(key, fraction, counts.shape), 0.0, counts)


class Augmentation(eqx.Module):
    """Random changes of a batch, in this order: shift, flip, loss of events.

    Raises:
        ValueError: a negative shift, or a fraction that is not between 0 and 1.
    """

    shift: int = eqx.field(default=0, static=True)
    """Largest shift each way (pixels)."""
    flip: bool = eqx.field(default=False, static=True)
    """Whether examples may be mirrored from left to right."""
    drop: float = eqx.field(default=0.0, static=True)
    """Fraction of events that is lost; of an image, the fraction of its pixels."""

    def __check_init__(self) -> None:
        if self.shift < 0 or not 0 <= self.drop < 1:
            raise ValueError(f"shift = {self.shift}, drop = {self.drop}; give a shift of at least 0 and 0 <= drop < 1")

    def __call__(self, examples: Float[Array, "batch ..."], key: PRNGKeyArray) -> Float[Array, "batch ..."]:
        shift_key, flip_key, drop_key = jax.random.split(key, 3)
        if self.shift:
            examples = shifted(examples, shift_key, self.shift)
        if self.flip:
            examples = flipped(examples, flip_key)
        return dropped(examples, drop_key, self.drop) if self.drop else examples
