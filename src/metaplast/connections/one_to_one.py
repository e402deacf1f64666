"""One-to-one connection: each source cell meets the target cell in its own place."""

from jaxtyping import Array, Float

from metaplast.connections.base import Connection


class OneToOne(Connection):
    """I = w x, place by place; w has the shape of the cells, or is left out for I = x."""

    def apply(self, weight: Array | None, activity: Float[Array, "batch *cells"]) -> Float[Array, "batch *cells"]:
        return activity if weight is None else weight * activity
