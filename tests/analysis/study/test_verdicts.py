"""Rules of verdicts, each at its borders."""

import numpy as np
import pytest

from metaplast.analysis.statistics import Interval
from metaplast.analysis.study.verdicts import (
    CANNOT_TELL,
    DOES_NOT_HOLD,
    HOLDS,
    Finding,
    above,
    below,
    failure_rate,
    none_failed,
    not_zero,
    reaches,
    some_failed,
    together,
    within,
)

NOTHING = Interval(0.9, np.nan, np.nan)


@pytest.mark.parametrize(
    ("interval", "verdict"),
    [
        (Interval(0.9, 0.8, 0.99), HOLDS),
        (Interval(0.9, 0.8, 1.0), CANNOT_TELL),
        (Interval(0.99, 0.9, 1.1), CANNOT_TELL),
        (Interval(1.1, 1.01, 1.2), DOES_NOT_HOLD),
        (Interval(1.0, 1.0, 1.0), DOES_NOT_HOLD),  # one network under two names
        (NOTHING, CANNOT_TELL),
    ],
)
def test_a_ratio_is_judged_by_its_whole_interval(interval, verdict):
    assert below(interval, 1.0) == verdict
    mirrored = Interval(2 - interval.mean, 2 - interval.high, 2 - interval.low)
    assert above(mirrored, 1.0) == verdict


@pytest.mark.parametrize(
    ("failures", "complete", "none", "some"),
    [
        (0, True, HOLDS, DOES_NOT_HOLD),
        (0, False, CANNOT_TELL, CANNOT_TELL),
        (1, True, DOES_NOT_HOLD, HOLDS),
        (1, False, DOES_NOT_HOLD, HOLDS),
    ],
)
def test_one_failure_speaks_and_none_only_in_a_whole_sequence(failures, complete, none, some):
    assert none_failed(failures, complete) == none
    assert some_failed(failures, complete) == some


def test_ranges_and_bounds():
    assert within(Interval(20, 15, 25), 18, 26, enough=True) == HOLDS
    assert within(Interval(20, 15, 25), 18, 26, enough=False) == CANNOT_TELL  # a mean of values outside on both sides
    assert within(Interval(17, 15, 19), 18, 26, enough=True) == CANNOT_TELL
    assert within(Interval(16, 15, 17), 18, 26, enough=True) == DOES_NOT_HOLD
    assert within(Interval(17, np.nan, np.nan), 18, 26, enough=True) == CANNOT_TELL
    assert reaches(Interval(1.0, 0.9, 1.1), 1.0) == HOLDS
    assert reaches(Interval(1.1, 1.05, 1.2), 1.0) == DOES_NOT_HOLD
    assert not_zero(Interval(-0.3, -0.5, -0.1), 0.01) == not_zero(Interval(0.3, 0.1, 0.5), 0.01) == HOLDS
    assert not_zero(Interval(0.3, 0.1, 0.5), 0.06) == not_zero(Interval(0.3, -0.1, 0.5), 0.01) == CANNOT_TELL
    assert reaches(NOTHING, 1.0) == CANNOT_TELL


@pytest.mark.parametrize(
    ("verdicts", "whole"),
    [
        ([HOLDS, HOLDS], HOLDS),
        ([HOLDS, CANNOT_TELL], CANNOT_TELL),
        ([HOLDS, CANNOT_TELL, DOES_NOT_HOLD], DOES_NOT_HOLD),
        ([], CANNOT_TELL),
    ],
)
def test_a_claim_needs_all_of_its_findings(verdicts, whole):
    assert together(Finding("here", "so much", verdict) for verdict in verdicts) == whole


def test_exact_intervals_of_failure_rates():
    none = failure_rate(0, 1000)
    assert (none.mean, none.low) == (0, 0)
    assert none.high == pytest.approx(1 - 0.025 ** (1 / 1000))  # closed form of Clopper and Pearson's for no failure
    half = failure_rate(5, 10)
    assert half.low < 0.5 < half.high
    assert np.isnan(failure_rate(0, 0).mean)
