"""Drift: distances, correlations and densities of values that are known."""

import numpy as np
import pytest
from scipy.stats import norm

from metaplast.analysis.networks.drift import (
    correlation,
    density,
    density_grid,
    distance,
    is_intrinsic,
    is_logarithmic,
    shift,
)
from metaplast.figures.drift import short_names

START = np.array([1.0, 2.0, 3.0, 4.0])


def test_a_common_step_moves_neurons_and_distribution_alike():
    assert distance(START, START + 0.5) == pytest.approx(0.5)
    assert shift(START, START + 0.5) == pytest.approx(0.5)
    assert correlation(START, 2 * START + 1) == pytest.approx(1.0)
    assert correlation(START, -START) == pytest.approx(-1.0)


def test_neurons_that_exchange_their_values_leave_the_distribution():
    exchanged = START[::-1]
    assert distance(START, exchanged) == pytest.approx(np.sqrt((9 + 1 + 1 + 9) / 4))
    assert shift(START, exchanged) == 0.0


def test_the_distribution_never_moves_farther_than_its_neurons():
    draw = np.random.default_rng(0)
    for _ in range(20):
        start, now = draw.normal(size=(2, 30))
        assert shift(start, now) <= distance(start, now) + 1e-12


def test_without_spread_there_is_no_correlation():
    assert np.isnan(correlation(np.ones(4), START))
    assert np.isnan(correlation(START, np.ones(4)))


def test_densities_integrate_to_one_and_find_the_normal_curve():
    points = np.random.default_rng(1).normal(2.0, 0.5, 4000)
    grid = density_grid(points, logarithmic=False)
    found = density(points, grid)
    assert np.trapezoid(found, grid) == pytest.approx(1.0, abs=0.01)
    assert np.abs(found - norm(2.0, 0.5).pdf(grid)).max() < 0.06


def test_a_single_value_keeps_its_whole_density_in_one_place():
    grid = density_grid(np.full(5, 3.0), logarithmic=False)
    for points in (np.full(5, 3.0), np.array([3.0])):
        found = density(points, grid)
        assert (found > 0).sum() == 1
        assert found.sum() * (grid[1] - grid[0]) == pytest.approx(1.0)
        assert abs(grid[found.argmax()] - 3.0) <= grid[1] - grid[0]


def test_time_constants_are_compared_by_factors():
    grid = density_grid(np.array([10.0, 1000.0]), logarithmic=True)
    assert np.exp(grid[0]) < 10 < 1000 < np.exp(grid[-1])
    assert np.allclose(np.diff(grid), grid[1] - grid[0])
    assert is_logarithmic("a.neuron.tau_soma", START)
    assert not is_logarithmic("a.neuron.tau_soma", np.array([0.0, 1.0]))
    assert not is_logarithmic("a.neuron.threshold", START)


def test_intrinsic_parameters_and_their_names():
    paths = ["network.populations.a.neuron.tau", "network.populations.b.neuron.tau", "network.populations.a.threshold"]
    assert all(is_intrinsic(path) for path in paths)
    assert is_intrinsic("network.populations.axons.neuron.delay")
    assert not is_intrinsic("network.projections.a.weight")
    assert list(short_names(paths).values()) == ["a.neuron.tau", "b.neuron.tau", "threshold"]
