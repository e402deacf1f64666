"""What the loss of neurons costs, by the intrinsic property that groups them, against neurons drawn by lot."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from scipy import stats

from metaplast.analysis.networks.lesion_table import RANDOM, LesionTable
from metaplast.analysis.statistics import RESAMPLES, Interval, interval, sign_test

Matrix = Float[np.ndarray, "seeds bins"]

COSTS: dict[str, Callable[[LesionTable], np.ndarray]] = {
    "loss": lambda table: table.loss.astype(float) - table.loss_intact,
    "accuracy": lambda table: table.accuracy_intact.astype(float) - table.accuracy,
    "updates": lambda table: (table.updates - table.updates_intact).astype(float),
}
"""What a lesion costs, each as a difference from the intact network on the same trials: positive is worse."""


class Effect(NamedTuple):
    """One bin of a property, over seeds."""

    condition: str
    property: str
    bin: int
    """From 0, the smallest values. Of `RANDOM` there is only one effect, the mean over its bins in each seed."""
    low: float
    """Smallest value in the bin, mean over seeds; NaN for `RANDOM`."""
    high: float
    seeds: int
    loss: Interval
    """Increase of the task loss at once after the lesion (nats)."""
    accuracy: Interval
    """Decrease of the accuracy at once."""
    updates: Interval
    """Additional updates to learn the next problem; a lower bound for lesions after which it was not learned."""
    p_loss: float
    """Of no difference from as many neurons drawn by lot: permutation test over the signs of the difference in each
    seed, two-sided, corrected over all bins and properties of the condition; NaN for `RANDOM`."""
    p_updates: float
    censored: int
    """Lesions whose additional updates are not known, as the lesioned or the intact network did not learn the problem
    within the limit; they count with the limit."""


class Dependence(NamedTuple):
    """Whether it matters at all which bin of a property is lost: p-values of no dependence, not corrected."""

    condition: str
    property: str
    p_loss: float
    p_updates: float


def cost_matrix(table: LesionTable, condition: str, property: str, cost: str) -> Matrix:
    """A cost of `COSTS` as [seeds, bins], seeds ascending.

    Raises:
        ValueError: no such lesions, or a seed that lacks a bin.
    """
    part = _part(table, condition, property)
    seeds, bins = len(np.unique(part.seed)), len(np.unique(part.bin))
    if not seeds or len(part) != seeds * bins:
        raise ValueError(
            f"lesions of {condition!r} by {property}: {len(part)} rows for {seeds} seeds and {bins} bins; "
            "measure them with metaplast analyse --lesions, all seeds with the same analysis.bins"
        )
    return COSTS[cost](part)[np.lexsort((part.bin, part.seed))].reshape(seeds, bins)


def effects(table: LesionTable, condition: str) -> list[Effect]:
    """The effect of every bin of every property in one condition, and at the end that of neurons drawn by lot.

    Intervals are those of `statistics.interval`. p-values are corrected by the method of Benjamini & Yekutieli (2001),
    which holds for dependent tests.

    Raises:
        ValueError: as `cost_matrix`.
    """
    found = [effect for name in properties(table, condition) for effect in _effects_of(table, condition, name)]
    for key in ("p_loss", "p_updates"):
        corrected = stats.false_discovery_control([getattr(one, key) for one in found], method="by") if found else []
        found = [one._replace(**{key: float(p)}) for one, p in zip(found, corrected, strict=True)]
    lot = _part(table, condition, RANDOM)
    lots = {cost: cost_matrix(table, condition, RANDOM, cost).mean(axis=1) for cost in COSTS}
    costs = {cost: interval(values) for cost, values in lots.items()}
    return [
        *found,
        Effect(
            condition,
            RANDOM,
            0,
            np.nan,
            np.nan,
            len(lots["loss"]),
            **costs,
            p_loss=np.nan,
            p_updates=np.nan,
            censored=int(lot.censored.sum()),
        ),
    ]


def properties(table: LesionTable, condition: str) -> list[str]:
    """Properties by which the neurons of a condition are grouped, without the control."""
    return [name for name in table.select(table.condition == condition).properties() if name != RANDOM]


def _part(table: LesionTable, condition: str, property: str) -> LesionTable:
    return table.select((table.condition == condition) & (table.property == property))


def _effects_of(table: LesionTable, condition: str, property: str) -> list[Effect]:
    """Effects of one property, p-values not corrected."""
    rows = _part(table, condition, property)
    costs = {cost: cost_matrix(table, condition, property, cost) for cost in COSTS}
    excess = {cost: costs[cost] - _by_lot(table, condition, rows.seed, cost)[:, None] for cost in ("loss", "updates")}
    return [
        Effect(
            condition,
            property,
            int(place),
            float(rows.low[rows.bin == place].mean()),
            float(rows.high[rows.bin == place].mean()),
            len(costs["loss"]),
            **{cost: interval(matrix[:, column]) for cost, matrix in costs.items()},
            p_loss=sign_test(excess["loss"][:, column]),
            p_updates=sign_test(excess["updates"][:, column]),
            censored=int(rows.censored[rows.bin == place].sum()),
        )
        for column, place in enumerate(np.unique(rows.bin))
    ]


def _by_lot(table: LesionTable, condition: str, seeds: np.ndarray, cost: str) -> Float[np.ndarray, " seeds"]:
    """Mean cost of the bins drawn by lot in each of these seeds."""
    return cost_matrix(table.select(np.isin(table.seed, seeds)), condition, RANDOM, cost).mean(axis=1)


def dependence(table: LesionTable, condition: str) -> list[Dependence]:
    """For every property of one condition, whether the cost of a lesion depends on the bin.

    Permutation test: the statistic is the variance over bins of the mean cost over seeds; without dependence the bins
    of every seed can be exchanged. A single seed can tell nothing: its p-value is 1.

    Raises:
        ValueError: as `cost_matrix`.
    """
    tests = {
        name: [_exchange_test(cost_matrix(table, condition, name, cost)) for cost in ("loss", "updates")]
        for name in properties(table, condition)
    }
    return [Dependence(condition, name, *values) for name, values in tests.items()]


def _exchange_test(costs: Matrix) -> float:
    if len(costs) < 2:
        return 1.0

    def spread(*seeds: np.ndarray, axis: int) -> np.ndarray:
        return np.var(np.mean(seeds, axis=0), axis=axis)

    found = stats.permutation_test(
        tuple(costs),
        spread,
        permutation_type="pairings",
        alternative="greater",
        n_resamples=RESAMPLES,
        rng=np.random.default_rng(0),
    )
    return float(found.pvalue)
