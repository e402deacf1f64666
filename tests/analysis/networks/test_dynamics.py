"""Rates and time constants: those with which the data were made."""

import numpy as np
import pytest

from metaplast.analysis.networks.dynamics import autocorrelation, firing_rates, sparseness, timescale, timescales


def autoregressive(tau: float, dt: float, steps: int, trials: int, seed: int = 0) -> np.ndarray:
    """x_t = a x_{t-1} + noise with a = exp(-dt / tau), stationary, [time, trials]."""
    draw, a = np.random.default_rng(seed), np.exp(-dt / tau)
    values = [draw.normal(size=trials)]
    for _ in range(steps - 1):
        values.append(a * values[-1] + np.sqrt(1 - a**2) * draw.normal(size=trials))
    return np.array(values)


def test_rates_are_spikes_over_time():
    spikes = np.zeros((100, 2, 2), np.uint8)
    spikes[::10, :, 0] = 1
    assert firing_rates(spikes, dt=10.0) == pytest.approx([10.0, 0.0])
    assert firing_rates(spikes, dt=1.0) == pytest.approx([100.0, 0.0])


def test_sparseness_goes_from_all_alike_to_one_alone():
    assert sparseness(np.full(10, 3.0)) == pytest.approx(0.0)
    assert sparseness(np.eye(10)[0]) == pytest.approx(1.0)
    assert np.isnan(sparseness(np.zeros(10)))


@pytest.mark.parametrize("tau", [20.0, 60.0, 200.0])
def test_the_time_constant_of_an_autoregressive_process_is_recovered(tau: float):
    values = np.stack([autoregressive(tau, 10.0, 150, 400, seed) for seed in range(3)], axis=-1)
    # A time course that all trials share is no memory, however large.
    values += 30 * np.sin(np.arange(150) / 5)[:, None, None]
    assert timescales(values, 10.0) == pytest.approx([tau] * 3, rel=0.1)


def test_autocorrelation_is_the_plain_sum_over_steps_and_trials():
    values = np.random.default_rng(1).normal(size=(9, 5, 2))
    found = autocorrelation(values)
    x = values - values.mean(axis=1, keepdims=True)
    assert len(found) == 5
    for lag in range(5):
        early, late = x[: 9 - lag], x[lag:]
        norm = np.sqrt((early**2).sum(axis=(0, 1)) * (late**2).sum(axis=(0, 1)))
        assert found[lag] == pytest.approx((early * late).sum(axis=(0, 1)) / norm)
    assert np.isnan(autocorrelation(np.ones((8, 3, 1)))).all()
    assert np.isnan(autocorrelation(np.zeros((8, 3, 1)))).all()


def test_an_exact_exponential_is_fitted_exactly_and_what_does_not_fall_is_too_long():
    assert timescale(np.exp(-np.arange(40) / 7.0), dt=2.0) == pytest.approx(14.0, rel=1e-4)
    assert np.isinf(timescale(np.full(20, 0.95), dt=1.0))
    assert np.isnan(timescale(np.full(20, np.nan), dt=1.0))
    short = np.exp(-np.arange(40) / 7.0)
    short[30:] = np.nan
    assert timescale(short, dt=2.0) == pytest.approx(14.0, rel=1e-4)


def test_differences_that_last_for_the_whole_trial_are_too_long_to_be_told():
    values = np.broadcast_to(np.arange(4.0)[:, None], (20, 4, 1))
    assert np.isinf(timescales(values, 10.0)).all()
