"""The published fit: planted numbers come back, and its bounds and starting values are the published ones."""

from pathlib import Path

import numpy as np
import pytest

from metaplast.analysis.curves import exponential
from metaplast.analysis.goudar import (
    FIT_PROBLEMS,
    PUBLISHED,
    STORED,
    Published,
    criterion_window,
    published_fit,
    seed_fits,
    trials_to_criterion,
)
from metaplast.runs import ProblemRow, RunDirectory

INDEX = np.arange(1000)
SEQUENCES = Path(__file__).parents[1] / "references" / "delayed_association.csv"
"""Trials to criterion of ten published networks, a column each."""


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
    table = np.loadtxt(SEQUENCES, delimiter=",", skiprows=1)
    assert table.shape == (FIT_PROBLEMS, 10)
    values = [getattr(published_fit(column), name) for column in table.T]
    found, tolerance = Published(min(values), max(values), float(np.mean(values))), 0.5 if name == "amplitude" else 0.05
    np.testing.assert_allclose(found, PUBLISHED[name], atol=tolerance)
    assert not STORED[name].holds(found.low) or not STORED[name].holds(found.high)


def test_the_fit_is_the_best_one_on_a_grid_of_time_scales():
    """For a given T the best a and c are those of a line through exp(-x / T)."""
    trials = np.loadtxt(SEQUENCES, delimiter=",", skiprows=1)[:, 4]
    scales = np.arange(5.0, 200.0, 0.1)
    waves = np.exp(-np.arange(len(trials) - 1) / scales[:, None])
    lines = [np.polynomial.Polynomial.fit(wave, trials[1:], 1, domain=(-1, 1)).coef for wave in waves]
    errors = [np.square(wave * a + c - trials[1:]).sum() for wave, (c, a) in zip(waves, lines, strict=True)]
    best, found = int(np.argmin(errors)), published_fit(trials)
    expected = scales[best], *lines[best]
    np.testing.assert_allclose((found.scale, found.floor, found.amplitude), expected, rtol=5e-3)
