"""Event-driven products as JAX primitives: differentiable, and dense where the native ones do not serve."""

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
from jax.core import ShapedArray
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir
from jaxtyping import Array, Float

from metaplast.native.library import available


def event_product(activity: Float[Array, "batch source"], weight: Float[Array, "source target"]) -> Array:
    """activity @ weight, whose cost grows with the cells that are not silent; so does that of its weight gradient.

    Native in compiled code on CPU in float32; dense on accelerators and under `vmap`.
    """
    return product_p.bind(activity, weight)


def event_outer(pre: Float[Array, "batch source"], post: Float[Array, "batch target"]) -> Array:
    """pre^T @ post, the sum of outer products over the batch, each at the cost of its sparser factor.

    Native in compiled code on CPU in float32; dense on accelerators and under `vmap`.
    """
    return outer_p.bind(pre, post)


def _dense_product(activity: Array, weight: Array) -> Array:
    return activity @ weight


def _dense_outer(pre: Array, post: Array) -> Array:
    return pre.T @ post


def _native(target: str, dense: Callable[[Array, Array], Array], left: Array, right: Array) -> Array:
    if left.dtype == right.dtype == jnp.float32 and min(left.size, right.size) > 0 and available():
        return jax.ffi.ffi_call(target, jax.eval_shape(dense, left, right))(left, right)
    return dense(left, right)


def _bilinear(target: str, dense: Callable[[Array, Array], Array]) -> Primitive:
    """The native operation `target` as a primitive, of which `dense` says the meaning; derivatives apart."""
    primitive = Primitive(target)
    native = partial(_native, target, dense)

    def abstract(left: ShapedArray, right: ShapedArray) -> ShapedArray:
        shape = jax.eval_shape(dense, *(jax.ShapeDtypeStruct(side.shape, side.dtype) for side in (left, right)))
        return ShapedArray(shape.shape, shape.dtype)

    def batched(operands: tuple[Array, Array], axes: tuple[int | None, int | None]) -> tuple[Array, int]:
        return jax.vmap(dense, in_axes=axes)(*operands), 0

    primitive.def_impl(dense)  # outside compiled code, where speed is no matter
    primitive.def_abstract_eval(abstract)
    mlir.register_lowering(primitive, mlir.lower_fun(dense, multiple_results=False))
    mlir.register_lowering(primitive, mlir.lower_fun(native, multiple_results=False), platform="cpu")
    batching.primitive_batchers[primitive] = batched
    return primitive


product_p = _bilinear("metaplast_event_product", _dense_product)
outer_p = _bilinear("metaplast_event_outer", _dense_outer)
ad.defbilinear(
    product_p,
    lambda cotangent, _, weight: cotangent @ weight.T,
    lambda cotangent, activity, _: event_outer(activity, cotangent),
)
ad.defbilinear(
    outer_p,
    lambda cotangent, _, post: event_product(post, cotangent.T),
    lambda cotangent, pre, _: event_product(pre, cotangent),
)
