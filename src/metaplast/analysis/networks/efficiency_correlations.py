"""Does a property of the network go with how quickly it learns the next problems?"""

from collections.abc import Iterable, Sequence
from itertools import product
from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from scipy import stats

from metaplast.analysis.networks.modularity_rows import ModularityRow
from metaplast.analysis.statistics import RESAMPLES, Interval, interval
from metaplast.runs import ProblemTable

FOLLOWING = 20
"""Problems after a moment over which its adaptation efficiency is the mean of the updates."""
MEASURES = ("modularity", "z", "participation")


class Association(NamedTuple):
    """A rank correlation within groups, and whether it could be chance.

    Its interval is over groups, or over the members where they are the same in all groups.
    """

    groups: int
    members: int
    """Of each group."""
    effect: Interval
    """Spearman's correlation: mean over groups, with its bootstrap interval."""
    p_value: float
    """Permutation test, two-sided."""


class EfficiencyRow(NamedTuple):
    """One measure of one kind of network against the updates of the following problems."""

    condition: str
    network: str
    measure: str
    within: str
    """seed: moments of one network are compared; its test ignores the trend that all share, so what both owe to the
    passing of problems is in it. moment: different networks are compared after the same number of problems, and what
    all have in common is not."""
    groups: int
    members: int
    effect: float
    """Spearman's correlation, mean over groups; negative: the more, the fewer updates."""
    low: float
    high: float
    p_value: float
    p_corrected: float
    """For all rows of the table together."""


def following_updates(table: ProblemTable, condition: str, seed: int, problems: int, window: int = FOLLOWING) -> float:
    """Mean updates of the next `window` problems after so many are learned, failed ones included; NaN if none follows.

    Fewer where the sequence ends before.
    """
    lane = table.lane(condition, seed)
    following = lane.updates[(lane.problem >= problems) & (lane.problem < problems + window)]
    return float(following.mean()) if len(following) else np.nan


def association(
    x: Float[np.ndarray, "groups members"], y: Float[np.ndarray, "groups members"], seed: int = 0
) -> Association:
    """Rank correlation of x and y within groups, tested by permuting x within every group on its own.

    statistic: mean over groups of Spearman's correlation. Groups in which x or y is the same everywhere are left out.
    Without a group of three members nothing can be told: NaN, p = 1.

    Reference: Good (2005), restricted permutations; `scipy.stats.permutation_test`.
    """
    members, (left, right) = x.shape[1], _useful_ranks(x, y)
    if not len(left):
        return Association(0, members, Interval(np.nan, np.nan, np.nan), 1.0)
    first, second = _standard(left), _standard(right)
    # Equal ones shall be equal: of a spread that is nothing but rounding there is no interval.
    by_group = np.round((first * second).mean(axis=1), 12)

    def statistic(*permuted: np.ndarray, axis: int) -> np.ndarray:
        return np.mean([(one * fixed).mean(axis=axis) for one, fixed in zip(permuted, second, strict=True)], axis=0)

    found = stats.permutation_test(
        tuple(first), statistic, permutation_type="pairings", n_resamples=RESAMPLES, rng=np.random.default_rng(seed)
    )
    return Association(len(by_group), members, interval(by_group), float(found.pvalue))


def joint_association(
    x: Float[np.ndarray, "groups members"], y: Float[np.ndarray, "groups members"], seed: int = 0
) -> Association:
    """`association` where the members are the same in all groups, such as the networks at several moments.

    A network that lies high at one moment does so at the next, so moments are no independent groups: the test permutes
    the members once for all groups together, and the interval is a percentile bootstrap over members.
    """
    members, (left, right) = x.shape[1], _useful_ranks(x, y)
    if not len(left):
        return Association(0, members, Interval(np.nan, np.nan, np.nan), 1.0)
    everyone = np.arange(members)

    def permuted(order: np.ndarray, axis: int) -> np.ndarray:
        return (_standard(left[:, order]) * _standard(right).reshape(len(right), *[1] * (order.ndim - 1), -1)).mean(
            axis=(0, -1)
        )

    def drawn(order: np.ndarray, axis: int) -> np.ndarray:
        return (_standard(left[:, order]) * _standard(right[:, order])).mean(axis=(0, -1))

    found = stats.permutation_test(
        (everyone,), permuted, permutation_type="pairings", n_resamples=RESAMPLES, rng=np.random.default_rng(seed)
    )
    spread = stats.bootstrap(
        (everyone,), drawn, n_resamples=RESAMPLES, method="percentile", rng=np.random.default_rng(seed)
    ).confidence_interval
    effect = Interval(float(drawn(everyone, -1)), float(spread.low), float(spread.high))
    return Association(len(left), members, effect, float(found.pvalue))


def _useful_ranks(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Ranks within groups, of the groups in which neither side is the same everywhere; none of fewer than three."""
    if x.shape[1] < 3 or not len(x):
        return x[:0], y[:0]
    left, right = (stats.rankdata(side, axis=1) for side in (x, y))
    useful = (np.ptp(left, axis=1) > 0) & (np.ptp(right, axis=1) > 0)
    return left[useful], right[useful]


def _standard(ranks: np.ndarray) -> np.ndarray:
    """Mean 0 and variance 1 along the last axis, so that a mean of products is a correlation; 0 where all are equal."""
    centred = ranks - ranks.mean(axis=-1, keepdims=True)
    spread = np.sqrt((centred**2).mean(axis=-1, keepdims=True))
    return np.divide(centred, spread, out=np.zeros_like(centred), where=spread > 0)


class Matched(NamedTuple):
    """A measure and the updates that followed, over the moments that all seeds have."""

    problems: list[int]
    measure: Float[np.ndarray, "seeds moments"]
    updates: Float[np.ndarray, "seeds moments"]


def matched(rows: Sequence[ModularityRow], table: ProblemTable, condition: str, measure: str) -> Matched:
    """The rows of one condition as matrices; moments that not every seed has, or that no problem follows, are left out.

    Moments in which the measure is unknown for a seed are left out too.
    """
    found: dict[tuple[int, int], tuple[float, float]] = {}
    for row in rows:
        if row.condition == condition:
            updates = following_updates(table, condition, row.seed, row.problems)
            found[row.seed, row.problems] = getattr(row, measure), updates
    seeds = sorted({seed for seed, _ in found})
    known = {key for key, pair in found.items() if np.isfinite(pair).all()}
    problems = [place for place in sorted({place for _, place in found}) if all((one, place) in known for one in seeds)]
    values = np.array([[found[seed, place] for place in problems] for seed in seeds]).reshape(len(seeds), -1, 2)
    return Matched(problems, values[..., 0], values[..., 1])


def efficiency_rows(networks: dict[str, Sequence[ModularityRow]], table: ProblemTable) -> list[EfficiencyRow]:
    """Every measure of every kind of network and condition, within seeds and within moments, corrected together.

    p-values are corrected by the method of Benjamini & Yekutieli (2001), which holds for dependent tests.
    """
    found = list(_uncorrected(networks, table))
    if not found:
        return []
    corrected = stats.false_discovery_control([row.p_value for row in found], method="by")
    return [row._replace(p_corrected=float(p)) for row, p in zip(found, corrected, strict=True)]


def _uncorrected(networks: dict[str, Sequence[ModularityRow]], table: ProblemTable) -> Iterable[EfficiencyRow]:
    for network, rows in networks.items():
        for condition, measure in product(dict.fromkeys(row.condition for row in rows), MEASURES):
            pair = matched(rows, table, condition, measure)
            tests = {
                "seed": association(pair.measure, pair.updates),
                "moment": joint_association(pair.measure.T, pair.updates.T),
            }
            for within, one in tests.items():
                if one.groups:
                    tested = [one.groups, one.members, *one.effect, one.p_value, one.p_value]
                    yield EfficiencyRow._make([condition, network, measure, within, *tested])
