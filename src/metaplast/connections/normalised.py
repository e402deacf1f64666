"""Normalisation of the current that a connection carries, channel by channel."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from metaplast.connections.base import Connection
from metaplast.params import param

EPSILON = 1e-5


class Moments(NamedTuple):
    """Of the currents of each channel."""

    mean: Float[Array, " k"]
    variance: Float[Array, " k"]


class Normalised(Connection):
    """Threshold-dependent batch normalisation: the current of `inner`, brought to mean `shift` and deviation `scale`.

    I_k = scale_k (J_k - mean_k) / sqrt(variance_k + 1e-5) + shift_k,   J = inner.apply(weight, activity)

    Mean and variance are over all examples and places of a call. A projection between two blocks is called once for
    all time steps, so they are over time too, as published; within a block they are those of a step. `scale` starts at
    the threshold of the target cells (alpha = 1), which keeps their firing rate alike from layer to layer.

    It is not linear in its weight, so a mechanism of plasticity sees the geometry of `inner` alone. For inference with
    moments that are settled, `models.folded` writes them into weights and biases, and the connection is `inner` again.

    Reference: Zheng et al. (2021), Going deeper with directly-trained larger spiking neural networks, eqs. 6 to 9.
    """

    inner: Connection
    scale: Float[Array, " k"] = param(1.0, low=0.0)
    shift: Float[Array, " k"] = param(0.0)

    def apply(self, weight: Array | None, activity: Float[Array, "batch *source"]) -> Float[Array, "batch *target"]:
        current = self.inner.apply(weight, activity)
        moments = moments_of(current)
        factor = self.scale * jax.lax.rsqrt(moments.variance + EPSILON)
        return current * factor + (self.shift - moments.mean * factor)

    def existing(self, weight: Array) -> Array:
        return self.inner.existing(weight)

    def contract(self, weight: Array, pre: Array, post: Array) -> Array:
        return self.inner.contract(weight, pre, post)

    def spread(self, weight: Array, post: Array) -> Array:
        return self.inner.spread(weight, post)


def moments_of(current: Float[Array, "*places k"]) -> Moments:
    """Mean and variance over all axes but the last, in one pass over the current."""
    axes = tuple(range(current.ndim - 1))
    mean = current.mean(axis=axes)
    return Moments(mean, jnp.maximum(jnp.square(current).mean(axis=axes) - jnp.square(mean), 0.0))
