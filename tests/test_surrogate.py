"""Surrogates: the spike is a step, its derivative a bump of a known area."""

import hypothesis
import hypothesis.strategies as some
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from metaplast.surrogate import (
    Arctan,
    FastSigmoid,
    Gaussian,
    MultiGaussian,
    Rectangular,
    Surrogate,
    Triangular,
    spike,
)

AREAS = [
    (Triangular(), 1.0),
    (Triangular(width=0.5, height=0.3), 0.15),
    (Rectangular(width=0.4), 1.0),
    (Arctan(slope=3.0), 1.0),
    (FastSigmoid(slope=10.0), 0.2),
    (Gaussian(deviation=0.7), 1.0),
    (MultiGaussian(), 0.5 * (1 - 0.15)),
    (MultiGaussian(deviation=0.2, height=0.3, spread=4.0, scale=2.0), 2.0 * (1 - 0.3)),
]
SURROGATES = [surrogate for surrogate, _ in AREAS]


def test_every_surrogate_is_here():
    ours = {kind for kind in Surrogate.__subclasses__() if kind.__module__.startswith("metaplast.")}
    assert {type(surrogate) for surrogate in SURROGATES} == ours


@pytest.mark.parametrize(("surrogate", "area"), AREAS, ids=str)
def test_area_under_the_bump(surrogate, area):
    """In x = sinh(s) the grid reaches far enough for the slowest tail (arctan, 1/x^2)."""
    s = np.linspace(-9, 9, 40001)
    density = np.asarray(surrogate.derivative(jnp.asarray(np.sinh(s), jnp.float32)), float)
    np.testing.assert_allclose(np.trapezoid(density * np.cosh(s), s), area, rtol=2e-3)


@pytest.mark.parametrize("surrogate", SURROGATES, ids=str)
@hypothesis.settings(max_examples=20, deadline=None, derandomize=True)
@hypothesis.given(some.floats(-1e3, 1e3, width=32))
def test_spike_is_a_step_whose_derivative_is_the_bump(surrogate, x):
    x = jnp.float32(x)
    value, slope = jax.value_and_grad(spike)(x, surrogate)
    assert float(value) == float(x > 0)
    np.testing.assert_allclose(slope, surrogate.derivative(x), rtol=1e-6)
    np.testing.assert_allclose(surrogate.derivative(-x), surrogate.derivative(x), rtol=1e-4, atol=1e-7)
    assert slope <= surrogate.derivative(jnp.zeros(()))


@pytest.mark.parametrize("surrogate", SURROGATES, ids=str)
def test_the_bump_is_positive_at_the_threshold(surrogate):
    assert float(surrogate.derivative(jnp.zeros(()))) > 0
    assert float(spike(jnp.zeros(()), surrogate)) == 0.0


@pytest.mark.parametrize("surrogate", SURROGATES, ids=str)
def test_only_the_multi_gaussian_is_negative_anywhere(surrogate):
    lowest = float(surrogate.derivative(jnp.linspace(-20, 20, 4001)).min())
    assert (lowest < 0) == isinstance(surrogate, MultiGaussian)
