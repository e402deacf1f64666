"""robustness.csv, robustness-merged.csv: the accuracy that is left under disturbances, of what and how strong.

In the first channels are damaged one by one, in the second they are summed into one synapse before it is damaged.
"""

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from metaplast.analysis.statistics import Interval, student_interval
from metaplast.config import read_toml
from metaplast.data.corruption import EVENT_CORRUPTIONS, IMAGE_CORRUPTIONS, Corruption
from metaplast.models.damage import DAMAGES, Damage
from metaplast.runs import RunDirectory, write_atomically

FILE, MERGED = "robustness.csv", "robustness-merged.csv"
SETTINGS = "analysis.toml"
"""Where it is noted with which settings the rows of both were made."""
ALL = "all"
"""What a mean over all kinds of disturbances is called."""


class RobustnessRow(NamedTuple):
    """One network under one disturbance."""

    condition: str
    seed: int
    kind: str
    level: int
    """From 0, undisturbed."""
    accuracy: float


def measured_with(run: RunDirectory) -> dict[str, Any]:
    """Settings with which the rows were made: those noted, or by a version that noted none, the run's own."""
    file = run.path / SETTINGS
    return read_toml(file) if file.is_file() else run.config.get("robustness", {})


def read_robustness(run: RunDirectory, *, merged: bool = False) -> list[RobustnessRow]:
    """Rows of channels damaged one by one, or `merged` into one synapse; none before they were measured."""
    path = run.path / (MERGED if merged else FILE)
    if not path.is_file():
        return []
    lines = csv.DictReader(io.StringIO(path.read_text(encoding="utf-8")))
    return [
        RobustnessRow(line["condition"], int(line["seed"]), line["kind"], int(line["level"]), float(line["accuracy"]))
        for line in lines
    ]


def write_robustness(run: RunDirectory, rows: Iterable[RobustnessRow], *, merged: bool = False) -> None:
    """Write the file of rows whole, or not at all."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(RobustnessRow._fields)
    writer.writerows((*row[:-1], str(np.float32(row.accuracy))) for row in rows)
    write_atomically(run.path / (MERGED if merged else FILE), buffer.getvalue().encode())


def kinds_of(rows: Sequence[RobustnessRow]) -> list[str]:
    """Kinds of disturbances, in the order in which they first appear."""
    return list(dict.fromkeys(row.kind for row in rows))


def levels_of(rows: Sequence[RobustnessRow]) -> list[int]:
    """Levels in their order, from 0."""
    return sorted({row.level for row in rows})


def disturbance(kind: str) -> Corruption | Damage | None:
    """What is done to examples or to the network; None of a kind that another version knew."""
    return {**IMAGE_CORRUPTIONS, **EVENT_CORRUPTIONS, **DAMAGES}.get(kind)


def value_at(kind: str, level: int) -> float:
    """The physical value of a level, in the unit of the kind; NaN where it has none."""
    found = disturbance(kind)
    return found.value(level * found.step) if found else np.nan


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
    """Of disturbance, or `ALL`."""
    seeds: int
    """That both have."""
    difference: Interval
    """Mean accuracy under disturbance, the first minus the second, with Student's t interval over the pairs."""


def sturdier(rows: Sequence[RobustnessRow], singles: Sequence[str], combined: str) -> list[Sturdier]:
    """`combined` against the single condition that is best over all disturbances: over all, and kind by kind."""
    there = {row.condition for row in rows}
    singles = [name for name in singles if name in there]
    if combined not in there or not singles:
        return []
    best = max(singles, key=lambda name: float(np.mean([*by_seed(rows, name).values()])))
    common = sorted(set(by_seed(rows, combined)) & set(by_seed(rows, best)))
    if not common:
        return []
    found = []
    for kind in (None, *kinds_of(rows)):
        ours, theirs = (by_seed(rows, name, kind) for name in (combined, best))
        difference = student_interval(np.array([ours[seed] - theirs[seed] for seed in common]))
        found.append(Sturdier(combined, best, kind or ALL, len(common), difference))
    return found
