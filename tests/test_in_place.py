"""Scans written over their inputs give what the scans gave."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.extend.core.primitives import scan_p, while_p

from metaplast.in_place import scans_in_place


def leaky_sum(inputs, factor, *, reverse):
    """The running sum in the place of its inputs, a second output that finds no place, and the last sum."""

    def body(total, now):
        total = factor * total + now["a"] * now["b"]
        return total, (total, total.sum())

    return jax.lax.scan(body, jnp.zeros(inputs["a"].shape[1:]), inputs, reverse=reverse)


@pytest.fixture
def inputs():
    first, second = jax.random.normal(jax.random.key(0), (2, 7, 3))
    return {"a": first, "b": second}


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("compiled", [False, True])
def test_results_are_those_of_the_scan(inputs, reverse, compiled):
    function = lambda scratch, factor: leaky_sum(scratch, factor, reverse=reverse)  # noqa: E731
    rewritten = scans_in_place(function)
    rewritten = jax.jit(rewritten) if compiled else rewritten
    expected, result = function(inputs, 0.5), rewritten(inputs, 0.5)
    assert jax.tree.structure(result) == jax.tree.structure(expected)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-6), result, expected)


def test_inputs_are_as_they_were(inputs):
    before = jax.tree.map(np.array, inputs)
    jax.block_until_ready(jax.jit(scans_in_place(lambda scratch: leaky_sum(scratch, 0.5, reverse=False)))(inputs))
    jax.tree.map(np.testing.assert_array_equal, before, inputs)


def test_a_scan_without_free_inputs_stays_a_scan(inputs):
    kept = str(jax.make_jaxpr(scans_in_place(lambda scratch, xs: leaky_sum(xs, 0.5, reverse=False)))((), inputs))
    changed = str(jax.make_jaxpr(scans_in_place(lambda xs: leaky_sum(xs, 0.5, reverse=False)))(inputs))
    assert scan_p.name in kept
    assert while_p.name not in kept
    assert while_p.name in changed


def test_derivatives_are_those_of_the_scan(inputs):
    def loss(run, factor):
        last, (sums, totals) = run(inputs, factor)
        return (last * sums[2]).sum() + totals[4] ** 2

    plain = lambda factor: loss(lambda x, f: leaky_sum(x, f, reverse=False), factor)  # noqa: E731
    rewritten = lambda factor: loss(scans_in_place(lambda x, f: leaky_sum(x, f, reverse=False)), factor)  # noqa: E731
    for derivative in (jax.grad, jax.jacfwd, lambda f: jax.grad(jax.grad(f))):
        np.testing.assert_allclose(derivative(rewritten)(0.5), derivative(plain)(0.5), rtol=1e-5)


def test_large_buffers_are_not_copied_at_every_step():
    """The point of it: without reading ahead, XLA would copy the whole buffer in the loop."""
    xs = jnp.ones((100, 50, 40))

    def products(scratch):
        return jax.lax.scan(lambda total, now: (total + now, total * now), jnp.zeros((50, 40)), scratch)[1]

    program = jax.jit(lambda xs: scans_in_place(products)(xs * 2.0))
    text = program.lower(xs).compile().as_text()
    bodies = [part for part in text.split("\n\n") if "dynamic-update-slice" in part]
    assert bodies
    assert not any("f32[100,50,40]{2,1,0} copy(" in part for part in bodies if "ENTRY" not in part)
