"""Conditions of a run compared over their seeds, and the exponential fits of all its seeds."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from metaplast.analysis.learning_to_learn.curves import (
    ExponentialFit,
    attempted_by_all,
    exponential_fit,
    updates_matrix,
)
from metaplast.analysis.statistics import LEVEL, Comparison, Interval, compare_totals, corrected, interval
from metaplast.runs import ProblemTable


def totals(
    table: ProblemTable, condition: str, last: int | None = None, problems: int | None = None
) -> dict[int, float]:
    """Updates of each seed over the sequence, or the first `problems` of it, or the `last` of those; failed included.

    Only problems that all seeds attempted count: a network that has given up did not solve the others for nothing.
    """
    matrix = updates_matrix(table, condition, solved=False)
    part = matrix[:, : attempted_by_all(matrix)][:, :problems]
    part = part if last is None else part[:, -last:]
    return dict(zip(table.seeds(condition), part.sum(axis=1).tolist(), strict=True))


def compare(
    table: ProblemTable, pairs: Sequence[tuple[str, str]], last: int | None = None, level: float = LEVEL
) -> list[Comparison]:
    """Compare pairs (condition, reference) over their common seeds, corrected together.

    Two conditions with one seed share the network, the problems and the trials, so the comparison is paired, over the
    problems that both attempted. p-values are corrected by the method of Benjamini & Yekutieli (2001), which holds for
    dependent tests.

    Raises:
        ValueError: a pair without a common seed.
    """
    names = dict.fromkeys(name for pair in pairs for name in pair)
    lengths = {name: attempted_by_all(updates_matrix(table, name, solved=False)) for name in names}
    found = []
    for pair in pairs:
        common = min(lengths[name] for name in pair)
        spent = {name: totals(table, name, last, common) for name in pair}
        found.append(compare_totals(spent, *pair, level))
    return corrected(found)


class Band(NamedTuple):
    """An exponential fit with the intervals of its numbers over seeds."""

    amplitude: Interval
    scale: Interval
    floor: Interval
    fits: list[ExponentialFit]
    """One for each seed."""


def exponential_band(table: ProblemTable, condition: str, level: float = LEVEL) -> Band:
    """Fits of every seed's own curve, and intervals over the seeds whose fit converged.

    Raises:
        ValueError: no seed of this condition.
    """
    fits = [exponential_fit(row) for row in updates_matrix(table, condition)]
    if not fits:
        raise ValueError(f"no problem of condition {condition!r}; there are: {', '.join(table.conditions()) or 'none'}")
    sure = [fit for fit in fits if fit.converged]
    missing = Interval(np.nan, np.nan, np.nan)
    amplitude, scale, floor = (
        interval(np.array([getattr(fit, name) for fit in sure]), level) if sure else missing
        for name in ("amplitude", "scale", "floor")
    )
    return Band(amplitude, scale, floor, fits)
