"""Intervals hold the truth about as often as they say, and show a difference as seldom where there is none."""

import numpy as np
import pytest

from metaplast.analysis.statistics import (
    compare_totals,
    interval,
    ratio_interval,
    student_interval,
)


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
