"""All-to-all connection: dense, event-driven, or through a fixed sparse mask."""

from collections.abc import Callable
from functools import partial
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from metaplast.connections.base import Connection
from metaplast.native import event_outer, event_product

NARROW = 16
"""Columns up to which an outer product is formed along its rows: on a CPU, 512 x 10 then takes a third of the time."""


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def _with_transposed(connection: "Dense", activity: Array, matrix: Array, transposed: Array) -> Array:
    """The product, with a transposed matrix at hand for its backward pass."""
    return connection._product(activity, matrix)


def _forward(connection: "Dense", activity: Array, matrix: Array, transposed: Array) -> tuple[Array, Any]:
    return connection._product(activity, matrix), (activity, transposed)


def _backward(connection: "Dense", residuals: tuple[Array, Array], cotangent: Array) -> tuple[Array, Array, None]:
    activity, transposed = residuals
    return cotangent @ transposed, connection._outer(activity, cotangent), None


_with_transposed.defvjp(_forward, _backward)


class Dense(Connection):
    """I = x W: every source cell to every target (and branch).

    Weight [pre, *target]; a source of several axes is flattened, so pre is its number of cells.
    """

    def apply(self, weight: Array | None, activity: Float[Array, "batch *source"]) -> Float[Array, "batch *target"]:
        assert weight is not None
        batch = activity.shape[0]
        product = self._product(activity.reshape(batch, -1), weight.reshape(weight.shape[0], -1))
        return product.reshape(batch, *weight.shape[1:])

    def constant(self, weight: Array | None) -> Callable[[Array], Array]:
        assert weight is not None
        matrix = weight.reshape(weight.shape[0], -1)
        transposed = matrix.T  # formed once: a product with a matrix that is transposed at every step is slower

        def apply(activity: Array) -> Array:
            product: Any = _with_transposed(self, activity.reshape(activity.shape[0], -1), matrix, transposed)
            return product.reshape(activity.shape[0], *weight.shape[1:])

        return apply

    def contract(self, weight: Array, pre: Array, post: Array) -> Array:
        batch = pre.shape[0]
        product = self._outer(pre.reshape(batch, -1), post.reshape(batch, -1))
        # A cell has one activity for all its branches: an axis that `post` lacks is repeated.
        branches = (1,) * (weight.ndim - post.ndim)
        return jnp.broadcast_to(product.reshape(weight.shape[0], *branches, *post.shape[1:]), weight.shape)

    def gram(self, now: Array, then: Array) -> Array:
        return now.reshape(now.shape[0], -1) @ then.reshape(then.shape[0], -1).T

    def _product(self, activity: Float[Array, "batch pre"], matrix: Float[Array, "pre post"]) -> Array:
        return activity @ matrix

    def _outer(self, pre: Float[Array, "batch pre"], post: Float[Array, "batch post"]) -> Array:
        # Written out: as [pre, batch] x [batch, post] it runs at the speed of a plain matrix product, unless there are
        # few columns. XLA would undo the turn without a barrier.
        if post.shape[1] <= NARROW < pre.shape[1]:
            return jax.lax.optimization_barrier(post.T @ pre).T
        return pre.T @ post


class EventDense(Dense):
    """`Dense` for sparse activity: silent cells cost nothing, in the current and in what plasticity does to a weight.

    Worth it on the CPU for hundreds of cells of which a tenth or fewer are active in a step; the same numbers as
    `Dense`, up to the order in which they are added. The gradient of the weight skips silent cells too. It needs a C++
    compiler (see `metaplast.native`), and is `Dense` without one.
    """

    def _product(self, activity: Float[Array, "batch pre"], matrix: Float[Array, "pre post"]) -> Array:
        return event_product(activity, matrix)

    def _outer(self, pre: Float[Array, "batch pre"], post: Float[Array, "batch post"]) -> Array:
        return event_outer(pre, post)


class Sparse(Connection):
    """I = x (mask * W): a dense weight of which only the synapses of `mask` exist.

    `mask` has the shape of the weight; gradients and plasticity of absent synapses are zero.
    """

    mask: Bool[Array, "..."] = eqx.field(converter=lambda mask: jnp.asarray(mask, dtype=bool))

    def apply(self, weight: Array | None, activity: Float[Array, "batch *source"]) -> Float[Array, "batch *target"]:
        assert weight is not None
        return Dense().apply(self.existing(weight), activity)

    def existing(self, weight: Any) -> Any:
        return jnp.where(self.mask, weight, 0)

    def constant(self, weight: Array | None) -> Callable[[Array], Array]:
        assert weight is not None
        return Dense().constant(self.existing(weight))

    def contract(self, weight: Array, pre: Array, post: Array) -> Array:
        return jnp.where(self.mask, Dense().contract(weight, pre, post), 0)
