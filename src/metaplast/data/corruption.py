"""Disturbances of examples that a network has not learned with: noise on images, noise among events.

All run on the device, on values from 0 to 1 [batch, height, width, channels] or event counts
[batch, frames, height, width, polarity]; `amount` may be traced, so one program serves all levels. An amount of 0
changes nothing.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray


def gaussian(values: Float[Array, "..."], key: PRNGKeyArray, amount: Array) -> Float[Array, "..."]:
    """Normal noise of variance `amount`, then back between 0 and 1, as `skimage.util.random_noise` does."""
    return jnp.clip(values + jnp.sqrt(amount) * jax.random.normal(key, values.shape), 0.0, 1.0)


def salt(values: Float[Array, "..."], key: PRNGKeyArray, amount: Array) -> Float[Array, "..."]:
    """A fraction `amount` of the values becomes 1."""
    return jnp.where(jax.random.uniform(key, values.shape) < amount, 1.0, values)


def pepper(values: Float[Array, "..."], key: PRNGKeyArray, amount: Array) -> Float[Array, "..."]:
    """A fraction `amount` of the values becomes 0."""
    return jnp.where(jax.random.uniform(key, values.shape) < amount, 0.0, values)


def salt_and_pepper(values: Float[Array, "..."], key: PRNGKeyArray, amount: Array) -> Float[Array, "..."]:
    """A fraction `amount` of the values becomes 0 or 1, half each."""
    drawn = jax.random.uniform(key, values.shape)
    return jnp.where(drawn < amount / 2, 0.0, jnp.where(drawn < amount, 1.0, values))


def speckle(values: Float[Array, "..."], key: PRNGKeyArray, amount: Array) -> Float[Array, "..."]:
    """Noise in proportion to the value: v (1 + n), n normal of variance `amount`, then back between 0 and 1."""
    return jnp.clip(values * (1.0 + jnp.sqrt(amount) * jax.random.normal(key, values.shape)), 0.0, 1.0)


def dropped(counts: Float[Array, "..."], key: PRNGKeyArray, amount: Array) -> Float[Array, "..."]:
    """Every event lost with the probability `amount`."""
    return jax.random.binomial(key, counts, 1.0 - amount).astype(counts.dtype)


def jittered(counts: Float[Array, "batch frames ..."], key: PRNGKeyArray, amount: Array) -> Float[Array, "..."]:
    """Every event moved, with the probability `amount`, to the frame before or after; those at the ends stay."""
    move_key, side_key = jax.random.split(key)
    moving = jax.random.binomial(move_key, counts, amount).astype(counts.dtype)
    later = jax.random.binomial(side_key, moving, 0.5).astype(counts.dtype)
    earlier, stays = moving - later, counts - moving
    ahead = jnp.concatenate([jnp.zeros_like(later[:, :1]), later[:, :-1]], axis=1).at[:, -1].add(later[:, -1])
    behind = jnp.concatenate([earlier[:, 1:], jnp.zeros_like(earlier[:, :1])], axis=1).at[:, 0].add(earlier[:, 0])
    return stays + ahead + behind


def added(counts: Float[Array, "..."], key: PRNGKeyArray, amount: Array) -> Float[Array, "..."]:
    """Events from nowhere: `amount` of them a pixel, polarity and frame, Poisson."""
    return counts + jax.random.poisson(key, amount, counts.shape).astype(counts.dtype)


class Corruption(NamedTuple):
    """A kind of disturbance and how it grows with its level, from 0 (none) to 6."""

    change: Callable[[Array, PRNGKeyArray, Array], Array]
    step: float
    """Amount of level 1; level i has i times as much."""
    what: str
    """What is done, in words."""
    unit: str
    """Of the value that a reader is told."""
    value: Callable[[float], float]
    """From an amount to this value."""


def _percent(amount: float) -> float:
    return 100 * amount


_PIXELS, _EVENTS = "% of pixels", "% of events"
IMAGE_CORRUPTIONS = {
    "gaussian": Corruption(
        gaussian, 0.01, "normal noise is added to pixels", "standard deviation, pixels from 0 to 1", math.sqrt
    ),
    "salt": Corruption(salt, 0.01, "pixels become 1", _PIXELS, _percent),
    "pepper": Corruption(pepper, 0.06, "pixels become 0", _PIXELS, _percent),
    "salt-and-pepper": Corruption(salt_and_pepper, 0.02, "pixels become 0 or 1, half each", _PIXELS, _percent),
    "speckle": Corruption(
        speckle, 0.06, "normal noise in proportion to the pixel is added", "standard deviation / pixel", math.sqrt
    ),
}
"""By name. Levels of the noise script of Wu et al. (2022), Nature Communications 13:65; that of speckle is assumed."""

EVENT_CORRUPTIONS = {
    "event-drop": Corruption(dropped, 0.1, "events are lost", _EVENTS, _percent),
    "event-jitter": Corruption(jittered, 0.15, "events move to the frame before or after", _EVENTS, _percent),
    "extra-events": Corruption(added, 0.01, "events come from nowhere", "events a pixel, polarity and frame", float),
}
"""By name; the levels are assumed."""
