"""Intrinsic mechanisms against what they promise."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from metaplast.intrinsic import AdaptiveThreshold, Noise, Refractory
from metaplast.mechanism import chain
from metaplast.network import Network, Population
from metaplast.neurons import LIF, Relay
from metaplast.simulate import simulate


def play(neuron, intrinsic, current, record, dt=1.0, seed=0):
    current = jnp.asarray(current, jnp.float32)
    network = Network({"cells": Population(neuron, current.shape[1], chain(intrinsic))}, {}, dt=dt)
    state = network.init(1, key=jax.random.key(seed))
    recorded, end = simulate(
        network, {"cells": current[:, None]}, state, record=lambda s: record(s.populations["cells"])
    )
    return jax.tree.map(lambda x: np.asarray(x[:, 0]), recorded), end.populations["cells"]


@pytest.mark.parametrize(("period", "dt"), [(2.0, 1.0), (2.3, 1.0), (3.0, 0.1), (0.0, 1.0), (5.0, 2.0)])
def test_intervals_respect_the_refractory_period(period, dt):
    """However strong the drive, and no longer than one step more than the period when it is overwhelming."""
    current = np.tile([3.0, 30.0, 3000.0], (round(120 / dt), 1))
    spikes, _ = play(LIF(tau=10.0), Refractory(period), current, lambda cell: cell.activity, dt)
    intervals = [np.diff(np.flatnonzero(cell)) * dt for cell in spikes.T]
    assert all(len(interval) > 5 for interval in intervals)
    assert min(interval.min() for interval in intervals) > period
    assert intervals[2].max() <= period + dt + 1e-6


def test_a_negative_refractory_period_is_refused():
    with pytest.raises(ValueError, match=r"Refractory\.period is -1\.0 ms"):
        Refractory(-1.0)


def test_adaptation_follows_spikes_at_a_fixed_interval():
    """With a spike every k steps the threshold settles just after each at (1 - r) / (1 - r^k)."""
    every, tau = 4, 30.0
    current = np.zeros((400, 1))
    current[::every] = 1.0
    adaptation, _ = play(
        Relay(), AdaptiveThreshold(beta=2.0, tau=tau), current, lambda cell: cell.intrinsic[0].adaptation
    )
    keep = np.exp(-1 / tau)
    np.testing.assert_allclose(adaptation[-every + 1, 0], (1 - keep) / (1 - keep**every), rtol=1e-4)
    np.testing.assert_allclose(adaptation[-every:].mean(), 1 / every, rtol=1e-2)


def test_adaptation_settles_at_the_rate_and_lowers_it():
    """At equilibrium the mean adaptation is the mean rate, and the cell fires as one of threshold + beta x rate."""
    current = np.tile([2.0, 4.0], (3000, 1))
    record = lambda cell: (cell.activity, cell.intrinsic[0].adaptation)  # noqa: E731
    (spikes, adaptation), _ = play(LIF(tau=10.0), AdaptiveThreshold(beta=3.0, tau=100.0), current, record)
    rate = spikes[1000:].mean(axis=0)
    np.testing.assert_allclose(adaptation[1000:].mean(axis=0), rate, rtol=0.02)
    fixed = LIF(tau=10.0, threshold=1.0 + 3.0 * rate)
    same, _ = play(fixed, Refractory(0.0), current, lambda cell: cell.activity)
    np.testing.assert_allclose(same[1000:].mean(axis=0), rate, rtol=0.1)
    free, _ = play(LIF(tau=10.0), Refractory(0.0), current, lambda cell: cell.activity)
    assert (free.mean(axis=0) > 1.2 * rate).all()


def test_noise_has_its_variance_and_autocorrelation():
    """Tolerances are about five standard errors of 100 cells x 1500 steps; the first step is stationary already."""
    sigma, tau = 0.3, 5.0
    noise, _ = play(Relay(), Noise(sigma=sigma, tau=tau), np.zeros((1500, 100)), lambda cell: cell.activity)
    np.testing.assert_allclose(noise.var(), sigma**2, rtol=0.05)
    np.testing.assert_allclose(noise.mean(), 0.0, atol=0.02)
    for lag in (1, 5, 10, 30):
        found = (noise[:-lag] * noise[lag:]).mean() / sigma**2
        np.testing.assert_allclose(found, np.exp(-lag / tau), atol=0.05)
    between = np.corrcoef(noise.T)[np.triu_indices(100, 1)]
    assert np.abs(between).max() < 0.4
    assert np.abs(between.mean()) < 0.01


def test_noise_starts_at_its_stationary_spread():
    noise, _ = play(Relay(), Noise(sigma=0.3, tau=1e4), np.zeros((2, 4000)), lambda cell: cell.activity, seed=3)
    np.testing.assert_allclose(noise[0].std(), 0.3, rtol=0.06)
