"""Convolutional connection between populations of [height, width, channels]."""

import equinox as eqx
import jax
from jaxtyping import Array, Float

from metaplast.connections.base import Connection


class Conv(Connection):
    """Two-dimensional convolution; weight [height, width, channels in, channels out]."""

    stride: int = eqx.field(default=1, static=True)
    padding: str = eqx.field(default="SAME", static=True)

    def apply(self, weight: Array | None, activity: Float[Array, "batch h w c"]) -> Float[Array, "batch h2 w2 k"]:
        assert weight is not None
        return jax.lax.conv_general_dilated(
            activity,
            weight,
            window_strides=(self.stride, self.stride),
            padding=self.padding,
            dimension_numbers=("NHWC", "HWIO", "NHWC"),
        )

    def spread(self, weight: Array, post: Float[Array, "batch h w k"]) -> Float[Array, " k"]:
        """Mean over batch and places: a weight is shared by all places, so only the channel remains."""
        return post.mean(axis=(0, 1, 2))
