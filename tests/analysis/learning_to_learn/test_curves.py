"""Learning curves: known numbers come back from data made of them."""

import numpy as np
import pytest

from metaplast.analysis.learning_to_learn.curves import (
    ends_in_words,
    explained,
    exponential,
    exponential_fit,
    mean_over_seeds,
    moving_mean,
    summary,
    updates_matrix,
)
from metaplast.runs import ProblemRow, ProblemTable


def table(lanes: dict[tuple[str, int], list[int]], failed: tuple[tuple[str, int, int], ...] = ()) -> ProblemTable:
    rows = [
        ProblemRow(condition, seed, problem, updates, 0.01, 1.0, (condition, seed, problem) not in failed, 10.0)
        for (condition, seed), lane in lanes.items()
        for problem, updates in enumerate(lane)
    ]
    return ProblemTable.from_rows(rows)


@pytest.mark.parametrize(("amplitude", "scale", "floor"), [(141, 37.9, 22.7), (87, 12.1, 18.3), (2000, 4.0, 7.0)])
def test_fit_recovers_what_the_data_were_made_of(amplitude: float, scale: float, floor: float):
    index = np.arange(1000)
    noise = np.random.default_rng(0).normal(0, 2, 1000)
    fit = exponential_fit(exponential(index, amplitude, scale, floor) + noise)
    assert fit.converged
    assert fit[:3] == pytest.approx((amplitude, scale, floor), rel=0.05)
    assert fit(np.array([0.0]))[0] == pytest.approx(amplitude + floor, rel=0.05)


def test_what_a_fit_explains():
    updates = exponential(np.arange(300), 200, 15, 7)
    updates[[0, 60]] = np.nan
    fit = exponential_fit(updates)
    assert explained(fit, updates) == pytest.approx(1.0)
    noise = np.random.default_rng(0).normal(0, updates[1:60].std(), 300)
    assert 0.1 < explained(fit, updates + noise) < 0.8
    assert np.isnan(explained(fit, np.full(5, 7.0)))
    assert np.isnan(explained(fit, np.full(5, np.nan)))


def test_fit_leaves_failed_problems_out():
    updates = exponential(np.arange(300), 200, 15, 7)
    updates[[0, 5, 60, 299]] = np.nan
    fit = exponential_fit(updates)
    assert fit[:3] == pytest.approx((200, 15, 7), rel=1e-3)


def test_fit_of_rising_updates_has_a_negative_amplitude():
    fit = exponential_fit(exponential(np.arange(300), -50, 30, 80))
    assert fit.converged
    assert fit.amplitude == pytest.approx(-50, rel=1e-3)


def test_fit_says_when_the_data_determine_nothing():
    assert not exponential_fit(np.array([3.0, np.nan, 2.0])).converged
    assert np.isnan(exponential_fit(np.array([])).scale)
    assert not exponential_fit(np.full(100, 7.0)).converged
    assert not exponential_fit(np.random.default_rng(0).normal(20, 3, 300)).converged
    assert not exponential_fit(np.linspace(100, 50, 100)).converged
    assert type(exponential_fit(np.full(100, 7.0)).converged) is bool


def test_moving_mean_shrinks_at_the_ends_and_skips_nan():
    values = np.array([9.0, 1.0, 2.0, np.nan, 4.0, 6.0])
    assert moving_mean(values, 3).tolist() == [9.0, 1.0, 2.0, 3.0, 5.0, 5.0]
    assert np.array_equal(moving_mean(values, 1), values, equal_nan=True)
    squares = np.arange(100.0) ** 2
    assert moving_mean(squares, 30)[70] == pytest.approx(squares[55:85].mean())
    assert moving_mean(squares, 30)[11] == pytest.approx(squares[8:15].mean())
    assert np.isnan(moving_mean(np.full(3, np.nan), 2)).all()
    assert len(moving_mean(np.array([]), 3)) == 0
    first = np.where(np.arange(60) == 0, 1000.0, 10.0)
    assert (moving_mean(first, 30)[3:] == 10.0).all()  # the first problem stays where it is
    with pytest.raises(ValueError, match="window is 0"):
        moving_mean(values, 0)


def test_updates_matrix_marks_failed_and_missing_problems():
    found = table({("a", 0): [5, 6, 7], ("a", 1): [3, 4]}, failed=(("a", 0, 1),))
    matrix = updates_matrix(found, "a")
    assert np.array_equal(matrix, [[5, np.nan, 7], [3, 4, np.nan]], equal_nan=True)
    assert mean_over_seeds(matrix).tolist() == [4.0, 4.0, 7.0]
    assert updates_matrix(found, "a", solved=False)[0].tolist() == [5, 6, 7]


def test_summary_counts_what_was_spent():
    first, second = [100, *[10] * 60], [50, *[20] * 60]
    found = summary(table({("a", 0): first, ("a", 4): second, ("b", 0): [9]}, failed=(("a", 4, 3),)), "a")
    assert (found.seeds, found.problems, found.attempts, found.failures) == (2, 61, 122, 1)
    assert found.updates_first == 75
    assert found.updates_late == 15
    assert found.updates_total_by_seed == [700, 1250]
    assert found.updates_total == 975


def test_late_problems_are_never_the_first_half():
    found = summary(table({("a", 0): [9, 7, 4, 2, 3]}), "a")
    assert (found.updates_first, found.updates_late) == (9, 2.5)
    assert summary(table({("a", 0): [4]}), "a").updates_late == 4
    with pytest.raises(ValueError, match="no problem of condition 'c'; there are: a"):
        summary(table({("a", 0): [4, 2]}), "c")


def test_ends_are_told_by_count_and_in_runs_of_seeds():
    assert ends_in_words({0: 10, 1: 10, 2: 10, 5: 10, 4: 27}) == "seeds 0 to 2, 5 after 10, seed 4 after 27 problems"
    assert ends_in_words({3: 10, 7: 10}) == "seeds 3, 7 after 10 problems"
    assert ends_in_words({3: 10}) == "seed 3 after 10 problems"
