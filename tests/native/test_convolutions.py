"""Native convolutions are XLA's, forward, backward and backward again, whatever is zero."""

import shutil

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from metaplast.native import convolve, convolve_outer, library

needs_compiler = pytest.mark.skipif(
    not any(shutil.which(name) for name in library.COMPILERS), reason="no C++ compiler on this machine"
)
CASES = [
    ((3, 5, 7, 2), (3, 2, 2, 3), 1, ((1, 1), (0, 1)), 1),
    ((4, 9, 8, 5), (3, 3, 5, 70), 2, ((0, 1), (1, 1)), 1),
    ((2, 6, 6, 17), (1, 1, 17, 10), 2, ((0, 0), (0, 0)), 1),
    ((3, 5, 4, 3), (5, 5, 3, 20), 1, ((2, 2), (2, 2)), 2),
    ((5, 8, 8, 33), (3, 3, 33, 130), 1, ((1, 1), (1, 1)), 1),
]
"""Activity, weight, stride, margins, dilation: around and across the widths at which the native code cuts."""


def drawn(seed: int, shape: tuple[int, ...], density: float = 1.0) -> jax.Array:
    rng = np.random.default_rng(seed)
    return jnp.asarray(rng.normal(size=shape) * (rng.random(shape) < density), jnp.float32)


def reference(activity, weight, stride, margins, dilation):
    return jax.lax.conv_general_dilated(
        activity,
        weight,
        (stride, stride),
        margins,
        lhs_dilation=(dilation, dilation),
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
    )


@needs_compiler
def test_the_native_library_is_what_is_tested():
    assert library.available()
    step = jax.jit(jax.grad(lambda x, w: jnp.sum(jnp.sin(convolve(x, w))), (0, 1)))
    text = step.lower(jnp.ones((1, 4, 4, 2)), jnp.ones((3, 3, 2, 5))).compile().as_text()
    assert 'custom_call_target="metaplast_convolve"' in text
    assert 'custom_call_target="metaplast_convolve_outer"' in text


@pytest.mark.parametrize("density", [1.0, 0.1, 0.0])
@pytest.mark.parametrize(("source", "kernel", "stride", "margins", "dilation"), CASES)
def test_convolutions_and_their_gradients_are_those_of_xla(source, kernel, stride, margins, dilation, density):
    """The first image is dense and the others are not, so both ways are taken within one call."""
    activity, weight = drawn(0, source, density), drawn(1, kernel)
    activity = activity.at[0].set(drawn(2, source[1:]))

    @jax.jit
    def both(activity, weight, post):
        ours = lambda x, w: convolve(x, w, stride=stride, margins=margins, dilation=dilation)  # noqa: E731
        theirs = lambda x, w: reference(x, w, stride, margins, dilation)  # noqa: E731
        return tuple((out, *pull(post)) for out, pull in (jax.vjp(f, activity, weight) for f in (ours, theirs)))

    post = drawn(3, jax.eval_shape(lambda: reference(activity, weight, stride, margins, dilation)).shape)
    for ours, theirs in zip(*both(activity, weight, post), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-4 * float(jnp.abs(theirs).max()))


@pytest.mark.parametrize("stride", [1, 2])
def test_derivatives_of_derivatives_and_in_forward_mode(stride):
    activity, weight = drawn(0, (2, 4, 3, 2), 0.5), drawn(1, (3, 3, 2, 2))
    margins = ((1, 1), (1, 1))

    def loss(function):
        return lambda x, w: jnp.sum(jnp.sin(function(x, w)))

    ours = loss(lambda x, w: convolve(x, w, stride=stride, margins=margins))
    theirs = loss(lambda x, w: reference(x, w, stride, margins, 1))
    for transform in (jax.jacfwd, jax.hessian):
        found, expected = (jax.jit(transform(f, (0, 1)))(activity, weight) for f in (ours, theirs))
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4), found, expected)


def test_a_gradient_of_the_outer_product():
    """Plasticity uses it forward, so its own derivatives are taken."""
    pre, post = drawn(0, (2, 5, 4, 3)), drawn(1, (2, 5, 4, 2))
    margins = ((1, 1), (1, 1))

    def total(function):
        return lambda pre, post: jnp.sum(jnp.sin(function(pre, post)))

    def contracted(pre, post):
        (change,) = jax.linear_transpose(lambda w: reference(pre, w, 1, margins, 1), jnp.zeros((3, 3, 3, 2)))(post)
        return change

    ours = total(lambda pre, post: convolve_outer(pre, post, kernel=(3, 3), margins=margins))
    found, expected = (jax.jit(jax.grad(f, (0, 1)))(pre, post) for f in (ours, total(contracted)))
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4), found, expected)


def test_vmap_over_either_operand():
    activity, weight = drawn(0, (2, 3, 5, 4, 2)), drawn(1, (2, 3, 3, 2, 4))
    alone = jax.jit(jax.vmap(convolve, (0, None)))(activity, weight[0])
    both = jax.jit(jax.vmap(convolve))(activity, weight)
    for index in range(2):
        np.testing.assert_allclose(alone[index], convolve(activity[index], weight[0]), rtol=1e-4, atol=1e-4)
        np.testing.assert_allclose(both[index], convolve(activity[index], weight[index]), rtol=1e-4, atol=1e-4)


def test_other_precisions_are_computed_as_they_are():
    assert (
        jax.jit(convolve)(jnp.ones((1, 3, 3, 2), jnp.float16), jnp.ones((2, 2, 2, 1), jnp.float16)).dtype == "float16"
    )


def test_what_is_not_a_number_is_not_skipped():
    activity = jnp.zeros((1, 4, 4, 2)).at[0, 1, 1, 0].set(jnp.nan)
    current = jax.jit(convolve)(activity, jnp.ones((1, 1, 2, 3)))
    assert np.isnan(current[0, 1, 1]).all()
    assert np.isnan(current).sum() == 3
