"""Convolutional connection between populations of [height, width, channels]."""

import equinox as eqx
import jax
from jaxtyping import Array, Float

from metaplast.connections.base import Connection
from metaplast.native import convolve


class Conv(Connection):
    """Two-dimensional convolution; weight [height, width, channels in, channels out].

    current[y, x, k] = sum over i, j, c of activity[y stride + i - top, x stride + j - left, c] weight[i, j, c, k]

    `padding` is "SAME" (zeros around the image, so that every `stride`-th place has a target) or "VALID" (none).
    """

    stride: int = eqx.field(default=1, static=True)
    padding: str = eqx.field(default="SAME", static=True)

    def __check_init__(self) -> None:
        if self.stride < 1:
            raise ValueError(f"the stride of a convolution is {self.stride}; give 1 or more")
        if self.padding not in ("SAME", "VALID"):
            raise ValueError(f"the padding of a convolution is {self.padding!r}; give 'SAME' or 'VALID'")

    def apply(self, weight: Array | None, activity: Float[Array, "batch h w c"]) -> Float[Array, "batch h2 w2 k"]:
        assert weight is not None
        (top, bottom), (left, right) = jax.lax.padtype_to_pads(
            activity.shape[1:3], weight.shape[:2], (self.stride, self.stride), self.padding
        )
        return convolve(activity, weight, stride=self.stride, margins=((top, bottom), (left, right)))

    def spread(self, weight: Array, post: Float[Array, "batch h w k"]) -> Float[Array, " k"]:
        """Mean over batch and places: a weight is shared by all places, so only the channel remains."""
        return post.mean(axis=(0, 1, 2))
