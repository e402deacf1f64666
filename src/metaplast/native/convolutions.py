"""Convolutions and their weight gradients as JAX primitives, each the other's transpose; elsewhere they are XLA's."""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import ShapedArray
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir
from jaxtyping import Array, Float

from metaplast.native.library import available

Margins = tuple[tuple[int, int], tuple[int, int]]
"""Zeros before and after the rows and the columns of an image; fewer than none cuts rows off, behind the image only."""
LAYOUT = ("NHWC", "HWIO", "NHWC")


def convolve(
    activity: Float[Array, "batch h w c"],
    weight: Float[Array, "rows columns c k"],
    *,
    stride: int = 1,
    margins: Margins = ((0, 0), (0, 0)),
    dilation: int = 1,
) -> Float[Array, "batch h2 w2 k"]:
    """current[n, y, x, k] = sum over i, j, c of activity[n, y stride + i, x stride + j, c] weight[i, j, c, k].

    The activity is taken with `dilation` - 1 zeros between its pixels, then with its `margins`. Images that are mostly
    zeros cost what their events cost. Native in compiled code on CPU in float32; otherwise, and under `vmap`, XLA's.
    """
    return convolve_p.bind(activity, weight, stride=stride, margins=margins, dilation=dilation)


def convolve_outer(
    pre: Float[Array, "batch h w c"],
    post: Float[Array, "batch h2 w2 k"],
    *,
    kernel: tuple[int, int],
    stride: int = 1,
    margins: Margins = ((0, 0), (0, 0)),
    dilation: int = 1,
) -> Float[Array, "rows columns c k"]:
    """Sum over batch and places of pre x post: the gradient of <post, convolve(pre, w)> in a weight w of `kernel`."""
    return outer_p.bind(pre, post, kernel=kernel, stride=stride, margins=margins, dilation=dilation)


def _xla(activity: Array, weight: Array, *, stride: int, margins: Margins, dilation: int) -> Array:
    return jax.lax.conv_general_dilated(
        activity, weight, (stride, stride), margins, lhs_dilation=(dilation, dilation), dimension_numbers=LAYOUT
    )


def _xla_outer(
    pre: Array, post: Array, *, kernel: tuple[int, int], stride: int, margins: Margins, dilation: int
) -> Array:
    """A convolution with the cotangent for a kernel, in which the examples are what is summed over."""
    total = jax.lax.conv_general_dilated(
        pre,
        post,
        (1, 1),
        margins,
        lhs_dilation=(dilation, dilation),
        rhs_dilation=(stride, stride),
        dimension_numbers=("CHWN", "IHWO", "HWNC"),
    )
    return total[: kernel[0], : kernel[1]]  # rows that the stride has left over would make it larger


def _native(target: str, other: Callable[..., Array], left: Array, right: Array, **geometry: Any) -> Array:
    shape = jax.eval_shape(partial(other, **geometry), left, right)
    if not left.dtype == right.dtype == jnp.float32 or min(left.size, right.size, shape.size) == 0 or not available():
        return other(left, right, **geometry)
    (top, _), (before, _) = geometry["margins"]
    places = {"stride": geometry["stride"], "dilation": geometry["dilation"], "top": top, "left": before}
    return jax.ffi.ffi_call(target, shape)(left, right, **{name: np.int64(place) for name, place in places.items()})


def _backwards(
    post: Array, weight: Array, source: tuple[int, ...], *, stride: int, margins: Margins, dilation: int
) -> Array:
    """Cotangent of an activity of shape `source`: `post` through the kernel turned round, its channels exchanged."""
    turned = weight[::-1, ::-1].swapaxes(2, 3)
    sides = []
    for axis in (0, 1):
        before = weight.shape[axis] - 1 - margins[axis][0]
        reach = (source[axis + 1] - 1) * dilation + weight.shape[axis]
        sides.append((before, reach - before - ((post.shape[axis + 1] - 1) * stride + 1)))
    return convolve(post, turned, stride=dilation, margins=(sides[0], sides[1]), dilation=stride)


def _primitive(target: str, other: Callable[..., Array]) -> Primitive:
    """The native operation `target` as a primitive, of which `other` says the meaning; derivatives apart."""
    primitive = Primitive(target)

    def abstract(left: ShapedArray, right: ShapedArray, **geometry: Any) -> ShapedArray:
        sides = (jax.ShapeDtypeStruct(side.shape, side.dtype) for side in (left, right))
        shape = jax.eval_shape(partial(other, **geometry), *sides)
        return ShapedArray(shape.shape, shape.dtype)

    def batched(operands: tuple[Array, Array], axes: tuple[int | None, int | None], **geometry: Any) -> Any:
        left, right = operands
        if axes[1] is None and target == "metaplast_convolve":  # examples among examples
            merged = jnp.moveaxis(left, axes[0] or 0, 0)
            result = primitive.bind(merged.reshape(-1, *merged.shape[2:]), right, **geometry)
            return result.reshape(*merged.shape[:2], *result.shape[1:]), 0
        return jax.vmap(partial(other, **geometry), in_axes=axes)(left, right), 0

    primitive.def_impl(other)  # outside compiled code, where speed is no matter
    primitive.def_abstract_eval(abstract)
    native = partial(_native, target, other)
    mlir.register_lowering(primitive, mlir.lower_fun(other, multiple_results=False))
    mlir.register_lowering(primitive, mlir.lower_fun(native, multiple_results=False), platform="cpu")
    batching.primitive_batchers[primitive] = batched
    return primitive


convolve_p = _primitive("metaplast_convolve", _xla)
outer_p = _primitive("metaplast_convolve_outer", _xla_outer)
ad.defbilinear(
    convolve_p,
    lambda post, pre, weight, **geometry: _backwards(post, weight, pre.aval.shape, **geometry),
    lambda post, pre, weight, **geometry: convolve_outer(pre, post, kernel=weight.aval.shape[:2], **geometry),
)
ad.defbilinear(
    outer_p,
    lambda weight, pre, post, kernel, **geometry: _backwards(post, weight, pre.aval.shape, **geometry),
    lambda weight, pre, post, kernel, **geometry: convolve(pre, weight, **geometry),
)
