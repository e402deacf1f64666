"""epochs.csv: what each epoch of a classification run came to, one row for each condition, seed and epoch.

Columns that belong to a layer or to a channel of it are called `rate.<layer>`, `gain.<layer>.<channel>`,
`change.<layer>.<channel>` and `current.<layer>.<channel>`; they are empty where a condition has no such channel.
`threshold.<layer>`, the mean over the cells of a layer, is there where a condition has homeostatic thresholds.
A run that learns tasks one after the other also has `task.<number>`, the test accuracy on each task, and in the first
epoch `start.<number>`, the same before it; `test_accuracy` and all that is measured beside it are means over the tasks.
Columns are called test for what was tested, which are held-out training examples where `data.validation` says so.
"""

import csv
import io
import math
import sys
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from metaplast.analysis.statistics import Interval, interval, student_interval
from metaplast.runs import RunDirectory, write_atomically

FILE = "epochs.csv"
FIXED = (
    "loss",
    "accuracy",
    "test_loss",
    "test_accuracy",
    "spikes",
    "operations",
    "products",
    "seconds",
)
"""Columns that every condition has. Spikes, operations (additions that spikes cause in synapses) and products
(multiplications with an analogue input) are those of one example; seconds those of the epoch, seeds side by side and
while the program of the next condition is being compiled."""
KINDS = ("rate", "threshold", "task", "start", "gain", "change", "current")
"""Columns by layer or task: spikes a cell and step; mean threshold; accuracy; gain; shares in the weight change and in
the current."""


class EpochRow(NamedTuple):
    """One epoch of one network."""

    condition: str
    seed: int
    epoch: int
    """From 1: how many epochs have been learned."""
    values: dict[str, float]
    """By column."""


class EpochTable(NamedTuple):
    """Rows of epochs.csv."""

    rows: tuple[EpochRow, ...]

    def conditions(self) -> list[str]:
        """In the order in which they first appear."""
        return list(dict.fromkeys(row.condition for row in self.rows))

    def seeds(self, condition: str) -> list[int]:
        return sorted({row.seed for row in self.rows if row.condition == condition})

    def columns(self, condition: str, kind: str) -> list[str]:
        """Columns of a kind that a condition has, such as all of its gains."""
        found = (name for row in self.rows if row.condition == condition for name in row.values)
        return sorted((name for name in set(found) if name.split(".")[0] == kind), key=_in_order)

    def curve(self, condition: str, column: str) -> np.ndarray:
        """[seeds, epochs], NaN where a network has no such row."""
        seeds = self.seeds(condition)
        own = [row for row in self.rows if row.condition == condition]
        found = np.full((len(seeds), max((row.epoch for row in own), default=0)), np.nan)
        for row in own:
            found[seeds.index(row.seed), row.epoch - 1] = row.values.get(column, np.nan)
        return found

    def last(self, condition: str, column: str) -> np.ndarray:
        """Of every seed, after its last epoch."""
        return self.curve(condition, column)[:, -1]

    def broken(self, condition: str) -> list[int]:
        """Seeds whose loss, while they learned or were tested, was not a finite number in some epoch."""
        own = [row for row in self.rows if row.condition == condition]
        losses = lambda row: (row.values.get(name, np.nan) for name in ("loss", "test_loss"))  # noqa: E731
        return sorted({row.seed for row in own if not all(map(math.isfinite, losses(row)))})


def read_epochs(run: RunDirectory) -> EpochTable:
    """epochs.csv; empty before the first epoch."""
    path = run.path / FILE
    if not path.is_file():
        return EpochTable(())
    rows = []
    for line in csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"))):
        condition, seed, epoch = line.pop("condition"), int(line.pop("seed")), int(line.pop("epoch"))
        rows.append(EpochRow(condition, seed, epoch, {name: float(text) for name, text in line.items() if text}))
    return EpochTable(tuple(rows))


def write_epochs(run: RunDirectory, rows: Iterable[EpochRow]) -> None:
    """Write epochs.csv whole, or not at all; floats as the shortest text of their float32."""
    rows = list(rows)
    layered = dict.fromkeys(name for row in rows for name in row.values if name not in FIXED)
    columns = [*FIXED, *sorted(layered, key=_in_order)]
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(["condition", "seed", "epoch", *columns])
    for row in rows:
        writer.writerow([row.condition, row.seed, row.epoch, *(_text(row.values.get(name)) for name in columns)])
    write_atomically(run.path / FILE, buffer.getvalue().encode())


def _in_order(name: str) -> tuple[int, int, str]:
    """Kind, then layer from the first to the last, then channel."""
    kind, layer, *channel = name.split(".", 2)
    number = layer.removeprefix("hidden")
    return KINDS.index(kind), int(number) if number.isdigit() else sys.maxsize, "".join(channel)


def _text(value: float | None) -> str:
    return "" if value is None or math.isnan(value) else str(np.float32(value))


def mean_there(values: np.ndarray, axis: int | None = None) -> np.ndarray:
    """Mean of the values that are numbers; where there is none, NaN without a warning."""
    there = ~np.isnan(values)
    count = there.sum(axis=axis)
    return np.where(count > 0, np.where(there, values, 0.0).sum(axis=axis) / np.maximum(count, 1), np.nan)


class ConditionSummary(NamedTuple):
    """What a condition came to after its last epoch."""

    seeds: int
    broken: int
    """Of these, seeds whose loss was not a finite number; accuracies and loss are those of all seeds."""
    epochs: int
    accuracy: Interval
    """Test accuracy, with its bootstrap interval over seeds."""
    accuracy_by_seed: list[float]
    loss: float
    """Not a number where it is none in some seed: a mean of the others would hide that."""
    spikes: float
    operations: float
    products: float
    seconds: float
    """Of learning and testing, seeds side by side."""
    gains: dict[str, float]
    """By layer and channel, as `change` and `current`: means over the seeds that did not break."""
    change: dict[str, float]
    """Mean over epochs of the share in the weight change, by layer and channel."""
    current: dict[str, float]


def summarised(table: EpochTable, condition: str) -> ConditionSummary:
    """The numbers of one condition."""
    accuracy, broken = table.last(condition, "test_accuracy"), table.broken(condition)
    intact = [place for place, seed in enumerate(table.seeds(condition)) if seed not in broken]
    mean = lambda name: float(np.mean(table.last(condition, name)))  # noqa: E731
    by_channel = lambda kind, epochs: {  # noqa: E731
        name.partition(".")[2]: float(mean_there(table.curve(condition, name)[intact, epochs]))
        for name in table.columns(condition, kind)
    }
    return ConditionSummary(
        seeds=len(accuracy),
        broken=len(broken),
        epochs=table.curve(condition, "loss").shape[1],
        accuracy=interval(accuracy),
        accuracy_by_seed=[float(value) for value in accuracy],
        loss=mean("test_loss"),
        spikes=mean("spikes"),
        operations=mean("operations"),
        products=mean("products"),
        seconds=float(np.nansum(table.curve(condition, "seconds")[0])),
        gains=by_channel("gain", -1),
        change=by_channel("change", slice(None)),
        current=by_channel("current", -1),
    )


class Contest(NamedTuple):
    """The best combination against the best single mechanism, seed by seed."""

    combined: str
    single: str
    seeds: int
    """That both have."""
    difference: Interval
    """Test accuracy of the first minus that of the second, with Student's t interval over the pairs."""


def contest(table: EpochTable, singles: Sequence[str], combined: str) -> Contest | None:
    """`combined` against the best of `singles`, over common seeds; None where one is missing, or it is one of them."""
    there = [name for name in singles if name in table.conditions()]
    if combined not in table.conditions() or combined in there or not there:
        return None
    best = max(there, key=lambda name: float(np.nanmean(table.last(name, "test_accuracy"))))
    ours, theirs = (
        dict(zip(table.seeds(name), table.last(name, "test_accuracy"), strict=True)) for name in (combined, best)
    )
    common = sorted(set(ours) & set(theirs))
    if not common:
        return None
    difference = student_interval(np.array([ours[seed] - theirs[seed] for seed in common]))
    return Contest(combined, best, len(common), difference)
