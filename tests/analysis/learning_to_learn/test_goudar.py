"""The published fit: planted numbers come back, and its bounds and starting values are the published ones."""

from pathlib import Path

import numpy as np
import pytest

from metaplast.analysis.learning_to_learn.curves import exponential
from metaplast.analysis.learning_to_learn.goudar import (
    FIT_PROBLEMS,
    PUBLISHED,
    STORED,
    criterion_window,
    published_fit,
    seed_fits,
    trials_to_criterion,
)
from metaplast.runs import ProblemRow, RunDirectory

INDEX = np.arange(1000)
SEQUENCES = np.loadtxt(
    Path(__file__).parents[2] / "references" / "delayed_association.csv", delimiter=",", skiprows=1, unpack=True
)
"""Trials to criterion of ten published networks, a row each."""
STEPS = {"floor": 0.1, "scale": 0.1, "amplitude": 1.0}
"""The last digit to which the published numbers are given."""
AT_THE_BOUND = 0, 2, 9
"""Sequences whose published fit lies on a <= 2 scale."""


def with_first(course: np.ndarray, first: float = 3000.0) -> np.ndarray:
    return np.concatenate([[first], course])


@pytest.mark.parametrize(("amplitude", "scale", "floor"), [(141, 37.9, 22.7), (187, 57.6, 26.4), (87, 30, 18.3)])
def test_planted_numbers_come_back(amplitude, scale, floor):
    found = published_fit(with_first(exponential(INDEX, amplitude, scale, floor)))
    assert found.converged
    assert (found.amplitude, found.scale, found.floor) == pytest.approx((amplitude, scale, floor), rel=1e-4)


def test_noise_failures_and_the_first_problem_change_little():
    draw = np.random.default_rng(0)
    course = with_first(exponential(INDEX, 141, 37.9, 22.7) * draw.gamma(20, 1 / 20, 1000))
    course[draw.choice(np.arange(1, 1001), 20, replace=False)] = np.nan
    found, other = published_fit(course), published_fit(with_first(course[1:], first=np.nan))
    assert found == other
    assert (found.amplitude, found.scale, found.floor) == pytest.approx((141, 37.9, 22.7), rel=0.1)


def test_the_published_bounds_hold():
    spike = published_fit(with_first(np.where(INDEX == 0, 500.0, 20.0)))
    assert spike.scale == pytest.approx(5.0)
    slow = published_fit(with_first(exponential(INDEX, 100, 900.0, 20)))
    assert slow.scale == pytest.approx(200.0)
    course = exponential(INDEX, 400, 5.5, 20)
    asymptote = course[-31:].mean()
    assert published_fit(with_first(course)).amplitude == pytest.approx(2 * (course[:30].mean() - asymptote), rel=1e-3)


def test_a_rising_course_starts_from_one_hundred_and_finds_no_fall():
    rising = published_fit(with_first(20 + 0.01 * INDEX))
    assert rising.converged
    assert rising.amplitude == pytest.approx(0.0, abs=1.0)


def test_too_little_is_not_fitted():
    assert not published_fit(np.array([3000.0, 100.0, 50.0, np.nan, 20.0])).converged
    assert not published_fit(np.array([])).converged


def test_trials_to_criterion_leave_out_the_window():
    found = trials_to_criterion(np.array([2726, 51, 50, 49, np.nan]), 50)
    assert found[:4].tolist() == [2676, 1, 1, 1]
    assert np.isnan(found[4])


def test_a_run_is_fitted_seed_by_seed_as_far_as_it_went(tmp_path: Path):
    run = RunDirectory.create(tmp_path / "run")
    run.write_config({"criterion": {"window": 50}})
    for seed, length in ((0, 300), (1, 200)):
        trials = with_first(exponential(np.arange(length - 1), 141, 37.9 - seed, 22.7))
        rows = [
            ProblemRow("rate", seed, problem, round(value) + 50, 0.004, 1.0, problem != 7, float("nan"))
            for problem, value in enumerate(trials)
        ]
        run.append_problems(rows)
    first, second = seed_fits(run)
    assert (first.problems, second.problems) == (300, 200)
    assert first.failures == second.failures == 1
    assert first.fit.floor == pytest.approx(22.7, abs=0.5)
    assert first.fit.scale > second.fit.scale
    run.write_config({"criterion": {}})
    with pytest.raises(ValueError, match=r"has no criterion\.window"):
        criterion_window(run)


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_published_sequences_have_the_ranges_that_are_called_published(name):
    assert SEQUENCES.shape == (10, FIT_PROBLEMS)
    values, step = [getattr(published_fit(trials), name) for trials in SEQUENCES], STEPS[name]
    low, high, mean = PUBLISHED[name]
    assert all(PUBLISHED[name].holds(value) for value in values)
    assert low + step > min(values)  # rounded outward, by less than a digit
    assert high - step < max(values)
    assert mean == pytest.approx(np.mean(values), abs=step / 2)
    stored = STORED[name]
    assert max(abs(stored.low - min(values)), abs(stored.high - max(values))) > step


def largest_amplitude(trials: np.ndarray) -> float:
    """The bound of the published procedure: 2 scale."""
    return 2 * (trials[1:31].mean() - trials[-31:].mean())


def on_a_grid(trials: np.ndarray, bound: float = np.inf) -> tuple[np.ndarray, float]:
    """The best T, c and a with 0 <= a <= `bound`, and their squared error.

    For a given T the best a and c are those of a line through exp(-x / T). The error is a parabola of a, so that a best
    one beyond a bound becomes the bound, with the best c for that.
    """
    scales, values = np.arange(5.0, 200.0, 0.1), trials[1:]
    waves = np.exp(-np.arange(len(values)) / scales[:, None])
    centred = waves - waves.mean(axis=1, keepdims=True)
    amplitudes = np.clip(centred @ values / np.square(centred).sum(axis=1), 0, bound)
    floors = values.mean() - amplitudes * waves.mean(axis=1)
    errors = np.square(amplitudes[:, None] * waves + floors[:, None] - values).sum(axis=1)
    best = int(np.argmin(errors))
    return np.array([scales[best], floors[best], amplitudes[best]]), float(errors[best])


def fitted(trials: np.ndarray) -> tuple[np.ndarray, float]:
    """T, c and a of the published procedure, and their squared error."""
    found = published_fit(trials)
    error = np.square(found(np.arange(len(trials) - 1)) - trials[1:]).sum()
    return np.array([found.scale, found.floor, found.amplitude]), float(error)


@pytest.mark.parametrize("network", range(10))
def test_the_fit_is_the_best_one_on_a_grid_of_time_scales_within_its_bound(network):
    trials = SEQUENCES[network]
    bound = largest_amplitude(trials)
    (found, error), (best, least) = fitted(trials), on_a_grid(trials, bound)
    np.testing.assert_allclose(found, best, rtol=5e-3)
    assert error < least * (1 + 1e-6)
    assert (found[2] == pytest.approx(bound, rel=1e-3)) == (network in AT_THE_BOUND)


def test_without_the_bound_three_sequences_have_better_fits_and_the_ranges_are_others():
    """What `PUBLISHED` says of its own ends."""
    fits, free = [fitted(trials) for trials in SEQUENCES], [on_a_grid(trials) for trials in SEQUENCES]
    other = [i for i in range(10) if not np.allclose(fits[i][0], free[i][0], rtol=5e-3)]
    assert tuple(other) == AT_THE_BOUND == tuple(i for i in range(10) if free[i][1] < fits[i][1] * (1 - 1e-4))
    scale, floor, amplitude = np.array([best for best, _ in free]).T
    assert [amplitude[i].round(1) for i in AT_THE_BOUND] == [171.0, 149.5, 435.7]
    assert [scale[i].round(1) for i in AT_THE_BOUND] == [14.4, 20.9, 12.2]
    ranges = [(values.min(), values.max()) for values in (floor, scale, amplitude)]
    np.testing.assert_allclose(ranges[:2], [(16.1, 27.2), (12.2, 57.7)], atol=0.11)
    np.testing.assert_allclose(ranges[2], (118, 436), atol=1)
