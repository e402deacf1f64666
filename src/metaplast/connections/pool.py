"""Average pooling between populations of [height, width, channels]."""

import equinox as eqx
import jax
from jaxtyping import Array, Float

from metaplast.connections.base import Connection


class AveragePool(Connection):
    """Mean over windows of `size` x `size`; it has no weight, so nothing to learn. Rows left over are not read."""

    size: int = eqx.field(default=2, static=True)

    def __check_init__(self) -> None:
        if self.size < 1:
            raise ValueError(f"the window of a pool is {self.size} wide; give 1 or more")

    def apply(self, weight: Array | None, activity: Float[Array, "batch h w c"]) -> Float[Array, "batch h2 w2 c"]:
        batch, height, width, channels = activity.shape
        rows, columns = height // self.size, width // self.size
        whole = jax.lax.slice(activity, (0, 0, 0, 0), (batch, rows * self.size, columns * self.size, channels))
        windows = whole.reshape(batch, rows, self.size, columns, self.size, channels)
        return windows.sum(axis=(2, 4)) / self.size**2  # whose gradient is a broadcast, not a dilated window
