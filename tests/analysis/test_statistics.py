"""Comparisons find what is there, and nothing else, on tables that are made up."""

import numpy as np
import pytest

from metaplast.analysis.statistics import (
    compare,
    compare_totals,
    exponential_band,
    interval,
    ratio_interval,
    student_interval,
)
from metaplast.runs import ProblemRow, ProblemTable


def table_of(seeds: int, **updates) -> ProblemTable:
    """A table with the updates that `updates[condition](seed, problem)` gives, 100 problems a seed."""
    rows = [
        ProblemRow(condition, seed, problem, int(count(seed, problem)), 0.01, 1.0, True, 5.0)
        for condition, count in updates.items()
        for seed in range(seeds)
        for problem in range(100)
    ]
    return ProblemTable.from_rows(rows)


def noisy(scale: float, salt: int):
    """Updates that the seed and the problem determine, times `scale`, with noise of the condition's own."""
    draws = np.random.default_rng(salt).normal(size=(20, 100))
    shared = np.random.default_rng(0).normal(size=(20, 1))
    return lambda seed, problem: scale * (100 + 10 * shared[seed, 0]) + 3 * draws[seed, problem]


def test_an_interval_holds_its_mean_and_narrows_with_more_seeds():
    draw = np.random.default_rng(1)
    few, many = interval(draw.normal(5, 1, 10)), interval(draw.normal(5, 1, 200))
    assert few.low < few.mean < few.high
    assert many.high - many.low < few.high - few.low
    assert np.isnan(interval(np.array([3.0])).low)
    assert interval(np.array([3.0, 3.0])) == (3.0, 3.0, 3.0)


def test_intervals_hold_the_truth_about_as_often_as_they_say():
    draw = np.random.default_rng(2)
    found = [interval(draw.normal(5, 1, 12), seed=trial) for trial in range(60)]
    assert sum(one.low <= 5 <= one.high for one in found) >= 50


@pytest.mark.parametrize("seeds", [3, 5, 10])
def test_where_nothing_differs_few_seeds_show_a_difference_as_seldom_as_they_say(seeds):
    draws = np.random.default_rng(seeds).normal(size=(400, seeds))
    found = [student_interval(one) for one in draws]
    assert 0.02 <= np.mean([one.low > 0 or one.high < 0 for one in found]) <= 0.08


def test_differences_that_are_all_alike_are_their_own_interval():
    assert student_interval(np.zeros(5)) == (0.0, 0.0, 0.0)
    alike = student_interval(np.array([0.9 - 0.8, 0.5 - 0.4, 0.3 - 0.2]))  # 0.1 but for rounding
    assert alike.low == alike.mean == alike.high == pytest.approx(0.1)
    one = student_interval(np.array([0.25]))
    assert one.mean == 0.25
    assert np.isnan([one.low, one.high]).all()


def test_pairing_finds_a_difference_that_the_spread_over_seeds_would_hide():
    table = table_of(10, plain=noisy(1.0, 1), better=noisy(0.95, 2), same=noisy(1.0, 6))
    better, same = compare(table, [("better", "plain"), ("same", "plain")])
    assert better.difference.high < 0
    assert better.ratio.low < 0.95 < better.ratio.high
    assert better.ratio.high - better.ratio.low < 0.02
    assert better.p_value < 0.01
    assert better.effect < -2
    assert same.difference.low < 0 < same.difference.high
    assert same.p_value > 0.05


def test_correction_never_makes_a_difference_surer():
    table = table_of(8, a=noisy(1.0, 1), b=noisy(0.99, 2), c=noisy(0.97, 3))
    found = compare(table, [("b", "a"), ("c", "a"), ("c", "b")])
    assert all(one.p_corrected >= one.p_value for one in found)
    assert any(one.p_corrected > one.p_value for one in found)


def test_only_common_seeds_are_compared():
    table = table_of(3, a=noisy(1.0, 1), b=noisy(0.9, 2))
    fewer = table.select((table.condition == "a") | (table.seed < 2))
    assert compare(fewer, [("b", "a")])[0].seeds == 2
    with pytest.raises(ValueError, match="have no seed in common"):
        compare(table.select((table.condition == "a") == (table.seed == 0)), [("b", "a")])


def test_bands_hold_the_curve_that_the_updates_follow():
    draws = np.random.default_rng(4).normal(size=(20, 100))
    curve = lambda seed, x: 140 * np.exp(-x / 12) + 22 + 2 * draws[seed, x] + seed % 3  # noqa: E731
    band = exponential_band(table_of(9, rate=curve), "rate")
    assert len(band.fits) == 9
    assert band.amplitude.mean == pytest.approx(140, rel=0.05)
    assert band.scale.mean == pytest.approx(12, rel=0.05)
    assert band.floor.low < 23 < band.floor.high + 0.5


@pytest.mark.parametrize("seeds", [4, 10])
def test_a_ratio_excludes_1_as_seldom_as_it_says_where_nothing_differs(seeds):
    draws = np.random.default_rng(seeds).lognormal(8.0, 0.1, size=(300, 2, seeds))
    sides = [{name: dict(enumerate(side)) for name, side in zip("ab", both, strict=True)} for both in draws]
    found = [compare_totals(spent, "a", "b") for spent in sides]
    for interval_of, truth in ((lambda one: one.ratio, 1.0), (lambda one: one.difference, 0.0)):
        shown = [not interval_of(one).low <= truth <= interval_of(one).high for one in found]
        assert np.mean(shown) <= 0.085


def test_the_interval_of_a_ratio_is_students_of_the_logarithms():
    logs = np.array([0.1, 0.2, 0.4, 0.3])
    half = 3.182446305 * logs.std(ddof=1) / 2  # quantile 0.975 of t with three degrees of freedom
    assert ratio_interval(logs) == pytest.approx(np.exp([0.25, 0.25 - half, 0.25 + half]))
