"""Rules by which a measurement speaks for a claim, against it, or for neither; no verdict is written by hand."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from scipy import stats

from metaplast.analysis.statistics import LEVEL, Interval

HOLDS, DOES_NOT_HOLD, CANNOT_TELL = "holds", "does not hold", "cannot tell"


class Finding(NamedTuple):
    """One measurement that a claim is judged by."""

    where: str
    measured: str
    verdict: str


def place(family: str, condition: str) -> str:
    """Where something was measured, in words."""
    return f"{family}, {condition}"


def missing(where: str, what: str = "not measured") -> Finding:
    """There is nothing to judge by."""
    return Finding(where, what, CANNOT_TELL)


def below(interval: Interval, bound: float) -> str:
    """Whether a number lies below `bound`: it does if its whole interval does.

    It does not if its whole interval lies at or above the bound; that every seed has the bound itself (the two
    conditions are one network) is such a case. An interval around the bound, or none at all, cannot tell.
    """
    if interval.high < bound:
        return HOLDS
    return DOES_NOT_HOLD if interval.low >= bound else CANNOT_TELL


def above(interval: Interval, bound: float) -> str:
    """The mirror image of `below`."""
    return below(Interval(-interval.mean, -interval.high, -interval.low), -bound)


def reaches(interval: Interval, bound: float) -> str:
    """Whether a number may be as low as `bound`: it does not if its whole interval lies above."""
    return CANNOT_TELL if np.isnan(interval.low) else DOES_NOT_HOLD if interval.low > bound else HOLDS


def only_late(early: Interval, late: Interval, change: Interval) -> str:
    """Whether an advantage, a ratio below 1, lies late: it is there late, it grew, and early there was none to see.

    Refuted by a late ratio or a change at or above 1, and by an early ratio that lies below 1 already.
    """
    verdicts = {below(late, 1.0), below(change, 1.0)}
    if DOES_NOT_HOLD in verdicts or early.high < 1.0:
        return DOES_NOT_HOLD
    return HOLDS if verdicts == {HOLDS} else CANNOT_TELL


def not_zero(interval: Interval, p_value: float) -> str:
    """Whether there is an effect, of either sign: its interval excludes zero and a test agrees. None is never shown."""
    apart = interval.low > 0 or interval.high < 0
    return HOLDS if apart and p_value < 1 - LEVEL else CANNOT_TELL


def none_failed(failures: int, complete: bool) -> str:
    """Whether nothing fails: one failure refutes it, and only a complete sequence without one supports it."""
    return DOES_NOT_HOLD if failures else HOLDS if complete else CANNOT_TELL


def some_failed(failures: int, complete: bool) -> str:
    """Whether something fails: one failure shows it, and only a complete sequence without one refutes it."""
    return HOLDS if failures else DOES_NOT_HOLD if complete else CANNOT_TELL


def within(interval: Interval, low: float, high: float, *, enough: bool) -> str:
    """Whether a number lies in a range: its mean does, and so do `enough` of its values.

    It does not if its whole interval is outside.
    """
    if low <= interval.mean <= high and enough:
        return HOLDS
    return DOES_NOT_HOLD if interval.high < low or interval.low > high else CANNOT_TELL


def together(findings: Iterable[Finding]) -> str:
    """A claim holds if all its findings do, and does not if one does not; otherwise nobody can tell."""
    verdicts = {finding.verdict for finding in findings}
    if verdicts == {HOLDS}:
        return HOLDS
    return DOES_NOT_HOLD if DOES_NOT_HOLD in verdicts else CANNOT_TELL


def failure_rate(failures: int, attempts: int) -> Interval:
    """Share of failed problems with its exact interval (Clopper & Pearson, 1934); problems count as independent."""
    if not attempts:
        return Interval(np.nan, np.nan, np.nan)
    found = stats.binomtest(failures, attempts).proportion_ci(confidence_level=LEVEL, method="exact")
    return Interval(failures / attempts, float(found.low), float(found.high))
