"""Are two conditions different? Paired comparisons over seeds, with intervals, effect sizes and correction."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from scipy import stats

RESAMPLES = 9999
LEVEL = 0.95


class Interval(NamedTuple):
    """A mean with its interval."""

    mean: float
    low: float
    high: float


class Comparison(NamedTuple):
    """`condition` against `reference` on the same networks and problems; negative: fewer updates."""

    condition: str
    reference: str
    seeds: int
    difference: Interval
    """Updates of the sequence, condition minus reference, with Student's interval."""
    ratio: Interval
    """Updates of the condition as a fraction of those of the reference: geometric mean, Student's interval of logs."""
    effect: float
    """Mean difference over its standard deviation (Cohen's d for pairs)."""
    p_value: float
    """Of no difference: permutation test over the signs of the differences, two-sided."""
    p_corrected: float
    """The same after correction for the number of comparisons made together."""


def interval(values: np.ndarray, level: float = LEVEL, seed: int = 0) -> Interval:
    """Mean of `values` with a bias-corrected and accelerated bootstrap interval; a single value has none (NaN).

    It describes; over few values it is too narrow to judge by, as `student_interval` says.

    Reference: Efron (1987), as in `scipy.stats.bootstrap`.
    """
    values = np.asarray(values, float)
    mean = float(values.mean())
    if len(values) < 2:
        return Interval(mean, np.nan, np.nan)
    if np.ptp(values) == 0:
        return Interval(mean, mean, mean)
    found = stats.bootstrap(
        (values,), np.mean, confidence_level=level, n_resamples=RESAMPLES, rng=np.random.default_rng(seed)
    ).confidence_interval
    return Interval(mean, float(found.low), float(found.high))


def student_interval(values: np.ndarray, level: float = LEVEL) -> Interval:
    """Mean of `values` with Student's t interval; a single value has none (NaN).

    For paired differences that a verdict hangs on: over ten values or fewer a bootstrap interval excludes a true zero
    two to ten times as often as it says, this one as often, if the differences are about normal.
    """
    values = np.asarray(values, float)
    mean = float(values.mean())
    if len(values) < 2:
        return Interval(mean, np.nan, np.nan)
    if np.ptp(values) <= 1e-12 * np.abs(values).max():  # all alike but for rounding, where the deviation is noise
        return Interval(mean, mean, mean)
    found = stats.ttest_1samp(values, 0.0).confidence_interval(level)
    return Interval(mean, float(found.low), float(found.high))


def ratio_interval(logs: np.ndarray, level: float = LEVEL) -> Interval:
    """Geometric mean of ratios given by their logarithms, with Student's t interval of these."""
    return Interval(*(float(np.exp(value)) for value in student_interval(logs, level)))


def corrected(comparisons: Sequence[Comparison]) -> list[Comparison]:
    """The same comparisons with their p-values corrected for how many they are, by Benjamini & Yekutieli (2001).

    Their method holds for tests that depend on each other.
    """
    if not comparisons:
        return []
    values = stats.false_discovery_control([one.p_value for one in comparisons], method="by")
    return [one._replace(p_corrected=float(p)) for one, p in zip(comparisons, values, strict=True)]


def compare_totals(
    spent: Mapping[str, Mapping[int, float]], condition: str, reference: str, level: float = LEVEL
) -> Comparison:
    """Compare two conditions by the updates of each of their seeds; the p-value is not corrected yet.

    Raises:
        ValueError: they have no seed in common.
    """
    ours, theirs = spent[condition], spent[reference]
    common = sorted(set(ours) & set(theirs))
    if not common:
        raise ValueError(f"{condition!r} and {reference!r} have no seed in common; run both with the same seeds")
    first, second = (np.array([side[seed] for seed in common]) for side in (ours, theirs))
    difference = first - second
    spread = float(difference.std(ddof=1)) if len(common) > 1 else np.nan
    p_value = sign_test(difference)
    return Comparison(
        condition,
        reference,
        len(common),
        student_interval(difference, level),
        ratio_interval(np.log(first) - np.log(second), level),
        float(difference.mean() / spread) if spread else np.nan,
        p_value,
        p_value,
    )


def sign_test(difference: np.ndarray) -> float:
    """Permutation test of a mean of paired differences: every sign is as likely as its opposite."""
    if len(difference) < 2 or not difference.any():
        return 1.0
    statistic = lambda values, axis: np.mean(values, axis=axis)  # noqa: E731
    found = stats.permutation_test(
        (difference,), statistic, permutation_type="samples", n_resamples=RESAMPLES, rng=np.random.default_rng(0)
    )
    return float(found.pvalue)
