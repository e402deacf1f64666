"""Average pooling between populations of [height, width, channels]."""

import equinox as eqx
import jax
from jaxtyping import Array, Float

from metaplast.connections.base import Connection


class AveragePool(Connection):
    """Mean over windows of `size` rows and columns; without a weight, so nothing to learn.

    `size` is one number for both, or (rows, columns). Rows and columns that are left over are not read.
    """

    size: int | tuple[int, int] = eqx.field(default=2, static=True)

    def __check_init__(self) -> None:
        if min(self._window) < 1:
            raise ValueError(f"the window of a pool is {self.size} wide; give 1 or more")

    @property
    def _window(self) -> tuple[int, int]:
        return (self.size, self.size) if isinstance(self.size, int) else self.size

    def apply(self, weight: Array | None, activity: Float[Array, "batch h w c"]) -> Float[Array, "batch h2 w2 c"]:
        (batch, height, width, channels), (high, wide) = activity.shape, self._window
        rows, columns = height // high, width // wide
        whole = jax.lax.slice(activity, (0, 0, 0, 0), (batch, rows * high, columns * wide, channels))
        windows = whole.reshape(batch, rows, high, columns, wide, channels)
        return windows.sum(axis=(2, 4)) / (high * wide)  # whose gradient is a broadcast, not a dilated window
