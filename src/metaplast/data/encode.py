"""How numbers become spikes over time. All of it runs on the device, so a batch is encoded where it is used."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray


def direct(values: Float[Array, "batch ..."], steps: int, key: PRNGKeyArray) -> Float[Array, "time batch ..."]:
    """The same current at every step: the first layer of the network makes the spikes. `key` is not used."""
    return jnp.broadcast_to(values, (steps, *values.shape))


def rate(values: Float[Array, "batch ..."], steps: int, key: PRNGKeyArray) -> Float[Array, "time batch ..."]:
    """Independent spikes, each with the probability that is the value (0 to 1)."""
    return jax.random.bernoulli(key, values, (steps, *values.shape)).astype(values.dtype)


def latency(values: Float[Array, "batch ..."], steps: int, key: PRNGKeyArray) -> Float[Array, "time batch ..."]:
    """One spike, the earlier the larger the value: at step round((1 - value) (steps - 1)); none where it is 0."""
    when = jnp.round((1.0 - jnp.clip(values, 0.0, 1.0)) * (steps - 1)).astype(jnp.int32)
    at = jnp.arange(steps).reshape(-1, *(1,) * values.ndim)
    return ((at == when) & (values > 0)).astype(values.dtype)


def event_frames(
    values: Float[Array, "batch frames ..."], steps: int, key: PRNGKeyArray
) -> Float[Array, "time batch ..."]:
    """Frames of events one after the other, each lasting an equal number of steps.

    Raises:
        ValueError: steps that are not a multiple of the frames.
    """
    frames = values.shape[1]
    if steps % frames:
        raise ValueError(f"{steps} steps cannot show {frames} frames equally long; give a multiple of {frames}")
    return jnp.repeat(jnp.moveaxis(values, 1, 0), steps // frames, axis=0)


Coding = Callable[[Array, int, PRNGKeyArray], Array]
CODINGS: dict[str, Coding] = {"direct": direct, "rate": rate, "latency": latency, "events": event_frames}
"""Codings by name: (values [batch, ...], steps, key) -> [time, batch, ...]."""
