"""Event-driven products are dense products, whatever is zero; and without a compiler they still are."""

import shutil
import subprocess

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from metaplast.connections import Dense, EventDense
from metaplast.native import event_outer, event_product, library

needs_compiler = pytest.mark.skipif(
    not any(shutil.which(name) for name in library.COMPILERS), reason="no C++ compiler on this machine"
)
SHAPES = [(1, 1, 1), (3, 7, 130), (5, 200, 16), (64, 129, 257), (2, 300, 1), (1100, 20, 30), (2, 600, 130)]
"""Batch, source, target: around and across the widths at which the native code cuts."""


def sparse(seed: int, shape: tuple[int, ...], density: float) -> jax.Array:
    rng = np.random.default_rng(seed)
    return jnp.asarray(rng.normal(size=shape) * (rng.random(shape) < density), jnp.float32)


@needs_compiler
def test_the_native_library_is_what_is_tested():
    assert library.available()
    text = jax.jit(event_product).lower(jnp.ones((2, 3)), jnp.ones((3, 4))).compile().as_text()
    assert "metaplast_event_product" in text


@pytest.mark.parametrize(("left", "right"), [(0.1, 1.0), (1.0, 0.05), (0.0, 1.0), (1.0, 1.0), (0.3, 0.0)])
@pytest.mark.parametrize(("batch", "source", "target"), SHAPES)
def test_products_are_the_dense_ones(batch, source, target, left, right):
    """Rows of one batch may be sparse on either side, or on none."""
    pre, post = sparse(0, (batch, source), left), sparse(1, (batch, target), right)
    pre, post = pre.at[0].set(sparse(2, (source,), 1.0)), post.at[-1].set(sparse(3, (target,), 1.0))
    weight = sparse(4, (source, target), 1.0)
    np.testing.assert_allclose(jax.jit(event_outer)(pre, post), pre.T @ post, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(jax.jit(event_product)(pre, weight), pre @ weight, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("function", [event_product, event_outer])
def test_derivatives_in_both_modes(function):
    left, right = sparse(0, (4, 4), 0.3), sparse(1, (4, 4), 0.5)
    dense = (lambda a, b: a @ b) if function is event_product else (lambda a, b: a.T @ b)
    loss = lambda product: lambda a, b: jnp.sum(jnp.sin(product(a, b)))  # noqa: E731
    for transform in (jax.grad, jax.jacfwd, jax.hessian):
        ours, theirs = (jax.jit(transform(loss(product), (0, 1)))(left, right) for product in (function, dense))
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5), ours, theirs)


def test_vmap_over_any_operand():
    left, right = sparse(0, (3, 4, 5), 0.3), sparse(1, (5, 6), 1.0)
    np.testing.assert_allclose(jax.vmap(event_product, (0, None))(left, right), left @ right, rtol=1e-5, atol=1e-6)


def test_what_is_not_a_number_is_not_skipped():
    activity = jnp.array([[jnp.nan, 0.0], [0.0, 1.0]])
    product = jax.jit(event_product)(activity, jnp.ones((2, 3)))
    assert np.isnan(product[0]).all()
    assert np.isfinite(product[1]).all()


def test_other_precisions_are_computed_as_they_are():
    activity, weight = jnp.ones((2, 3), jnp.float16), jnp.ones((3, 4), jnp.float16)
    assert jax.jit(event_product)(activity, weight).dtype == jnp.float16


def test_a_connection_of_several_branches_is_its_dense_twin(key):
    weight = jax.random.normal(key, (9, 2, 5))
    activity, post = sparse(0, (4, 3, 3), 0.3), sparse(1, (4, 2, 5), 0.3)
    both = jax.jit(lambda connection: (connection.apply(weight, activity), connection.outer(weight, activity, post)))
    for ours, theirs in zip(both(EventDense()), both(Dense()), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)


def test_without_a_compiler_it_says_so_and_is_dense(monkeypatch):
    monkeypatch.delenv("METAPLAST_NATIVE", raising=False)
    monkeypatch.setattr(library, "COMPILERS", ("no-such-compiler",))
    library.available.cache_clear()
    try:
        with pytest.warns(UserWarning, match="run as dense ones.*no-such-compiler"):
            product = jax.jit(event_product)(2 * jnp.ones((2, 5)), jnp.ones((5, 7)))
        np.testing.assert_allclose(product, 10.0)
    finally:
        library.available.cache_clear()


@needs_compiler
def test_a_library_is_compiled_once_and_left_whole(tmp_path, monkeypatch):
    path = library.compiled(tmp_path)
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: pytest.fail("compiled again"))
    assert library.compiled(tmp_path) == path
