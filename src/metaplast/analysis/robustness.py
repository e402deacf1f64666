"""robustness.csv: how much of the accuracy is left under disturbances, by condition, seed, kind and level."""

import csv
import io
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from metaplast.analysis.statistics import Interval, interval
from metaplast.runs import RunDirectory, write_atomically

FILE = "robustness.csv"


class RobustnessRow(NamedTuple):
    """One network under one disturbance."""

    condition: str
    seed: int
    kind: str
    level: int
    """From 0, undisturbed."""
    accuracy: float


def read_robustness(run: RunDirectory) -> list[RobustnessRow]:
    """Rows of robustness.csv; none before it was measured."""
    path = run.path / FILE
    if not path.is_file():
        return []
    lines = csv.DictReader(io.StringIO(path.read_text(encoding="utf-8")))
    return [
        RobustnessRow(line["condition"], int(line["seed"]), line["kind"], int(line["level"]), float(line["accuracy"]))
        for line in lines
    ]


def write_robustness(run: RunDirectory, rows: Iterable[RobustnessRow]) -> None:
    """Write robustness.csv whole, or not at all."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(RobustnessRow._fields)
    writer.writerows((*row[:-1], str(np.float32(row.accuracy))) for row in rows)
    write_atomically(run.path / FILE, buffer.getvalue().encode())


def kinds_of(rows: Sequence[RobustnessRow]) -> list[str]:
    """Kinds of disturbances, in the order in which they first appear."""
    return list(dict.fromkeys(row.kind for row in rows))


def curve(rows: Sequence[RobustnessRow], condition: str, kind: str) -> dict[int, list[float]]:
    """Accuracy by level, of all seeds."""
    found: dict[int, list[float]] = {}
    for row in rows:
        if row.condition == condition and row.kind == kind:
            found.setdefault(row.level, []).append(row.accuracy)
    return dict(sorted(found.items()))


def by_seed(rows: Sequence[RobustnessRow], condition: str, kind: str | None = None) -> dict[int, float]:
    """Mean accuracy over the levels above 0 of one kind, or of all kinds alike, by seed."""
    found: dict[int, dict[str, list[float]]] = {}
    for row in rows:
        if row.condition == condition and row.level > 0 and kind in (None, row.kind):
            found.setdefault(row.seed, {}).setdefault(row.kind, []).append(row.accuracy)
    return {seed: float(np.mean([np.mean(values) for values in kinds.values()])) for seed, kinds in found.items()}


class Sturdier(NamedTuple):
    """A combination against the best single mechanism under disturbances, seed by seed."""

    combined: str
    single: str
    kind: str
    """Of disturbance, or "all"."""
    difference: Interval
    """Mean accuracy under disturbance, the first minus the second."""


def sturdier(rows: Sequence[RobustnessRow], singles: Sequence[str], combined: str) -> list[Sturdier]:
    """`combined` against the single condition that is best over all disturbances: over all, and kind by kind."""
    there = {row.condition for row in rows}
    singles = [name for name in singles if name in there]
    if combined not in there or not singles:
        return []
    best = max(singles, key=lambda name: float(np.mean([*by_seed(rows, name).values()])))
    return [
        Sturdier(combined, best, kind or "all", _difference(by_seed(rows, combined, kind), by_seed(rows, best, kind)))
        for kind in (None, *kinds_of(rows))
    ]


def _difference(ours: dict[int, float], theirs: dict[int, float]) -> Interval:
    common = sorted(set(ours) & set(theirs))
    return interval(np.array([ours[seed] - theirs[seed] for seed in common]))
