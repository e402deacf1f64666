"""Normalised currents have the mean and the deviation that were asked for."""

import jax
import jax.numpy as jnp
import numpy as np

from metaplast.connections import Conv, Dense, Normalised


def test_currents_have_the_given_mean_and_deviation_in_every_channel(key):
    scale, shift = jnp.array([0.5, 1.0, 2.0]), jnp.array([0.0, -1.0, 3.0])
    weight = 7.0 * jax.random.normal(key, (3, 3, 2, 3)) + 1.0
    activity = jax.random.normal(jax.random.key(1), (40, 6, 5, 2))
    current = Normalised(Conv(), scale, shift).apply(weight, activity)
    np.testing.assert_allclose(current.mean(axis=(0, 1, 2)), shift, atol=1e-4)
    np.testing.assert_allclose(current.std(axis=(0, 1, 2)), scale, rtol=1e-3)


def test_it_is_the_published_equation(key):
    weight, activity = jax.random.normal(key, (6, 4)), jax.random.normal(jax.random.key(1), (9, 6))
    current = np.asarray(activity @ weight, np.float64)
    expected = 0.35 * (current - current.mean(0)) / np.sqrt(current.var(0) + 1e-5) + 0.1
    made = Normalised(Dense(), jnp.full(4, 0.35), jnp.full(4, 0.1))
    np.testing.assert_allclose(made.apply(weight, activity), expected, rtol=1e-4, atol=1e-5)


def test_the_scale_of_a_weight_does_not_matter_and_a_silent_source_is_finite(key):
    weight, activity = jax.random.normal(key, (6, 4)), jax.random.normal(jax.random.key(1), (9, 6))
    made = Normalised(Dense(), jnp.ones(4), jnp.full(4, 0.2))
    np.testing.assert_allclose(made.apply(weight, activity), made.apply(5 * weight, activity), rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(made.apply(weight, jnp.zeros((9, 6))), 0.2)
    gradient = jax.grad(lambda w: made.apply(w, jnp.zeros((9, 6))).sum())(weight)
    assert np.isfinite(gradient).all()


def test_plasticity_sees_the_geometry_within(key):
    weight, pre, post = jnp.ones((6, 4)), jax.random.normal(key, (9, 6)), jax.random.normal(key, (9, 4))
    made = Normalised(Dense(), jnp.ones(4), jnp.zeros(4))
    np.testing.assert_allclose(made.outer(weight, pre, post), Dense().outer(weight, pre, post))
    np.testing.assert_allclose(made.spread(weight, post), Dense().spread(weight, post))
