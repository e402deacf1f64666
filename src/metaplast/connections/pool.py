"""Average pooling between populations of [height, width, channels]."""

import equinox as eqx
import jax
from jaxtyping import Array, Float

from metaplast.connections.base import Connection


class AveragePool(Connection):
    """Mean over windows of `size` x `size`; it has no weight, so nothing to learn."""

    size: int = eqx.field(default=2, static=True)

    def apply(self, weight: Array | None, activity: Float[Array, "batch h w c"]) -> Float[Array, "batch h2 w2 c"]:
        window = (1, self.size, self.size, 1)
        total = jax.lax.reduce_window(activity, 0.0, jax.lax.add, window, window, "VALID")
        return total / self.size**2
