"""Event-driven products as JAX functions: differentiable, and dense where the native ones do not serve."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from metaplast.native.library import available


def event_product(activity: Float[Array, "batch source"], weight: Float[Array, "source target"]) -> Array:
    """activity @ weight, whose cost grows with the cells that are not silent.

    Native on CPU in float32; dense on accelerators, under `vmap`, and for all derivatives.
    """
    return _product(activity, weight)


def event_outer(pre: Float[Array, "batch source"], post: Float[Array, "batch target"]) -> Array:
    """pre^T @ post, the sum of outer products over the batch, each at the cost of its sparser factor.

    Native on CPU in float32; dense on accelerators, under `vmap`, and for all derivatives.
    """
    return _outer(pre, post)


def _dense_product(activity: Array, weight: Array) -> Array:
    return activity @ weight


def _dense_outer(pre: Array, post: Array) -> Array:
    return jnp.swapaxes(pre, -1, -2) @ post


def _differentiable(target: str, dense: Callable[[Array, Array], Array]) -> Callable[[Array, Array], Array]:
    """The native operation `target`, of which `dense` says the meaning; it is linear in both operands."""

    @jax.custom_batching.custom_vmap
    def native(left: Array, right: Array) -> Array:
        shape = jax.eval_shape(dense, left, right)
        usable = left.dtype == right.dtype == jnp.float32 and min(left.size, right.size) > 0 and available()
        if not usable:
            return dense(left, right)
        return jax.lax.platform_dependent(left, right, cpu=jax.ffi.ffi_call(target, shape), default=dense)

    @native.def_vmap
    def _(size: int, batched: list[bool], left: Array, right: Array) -> tuple[Array, bool]:
        axes = [0 if is_batched else None for is_batched in batched]
        return jax.vmap(dense, in_axes=axes)(left, right), True

    @jax.custom_jvp
    def product(left: Array, right: Array) -> Array:
        return native(left, right)

    @product.defjvp
    def _(primals: tuple[Array, Array], tangents: tuple[Any, Any]) -> tuple[Array, Array]:
        (left, right), (left_change, right_change) = primals, tangents
        return product(left, right), dense(left_change, right) + dense(left, right_change)

    return product


_product = _differentiable("metaplast_event_product", _dense_product)
_outer = _differentiable("metaplast_event_outer", _dense_outer)
