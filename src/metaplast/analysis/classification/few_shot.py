"""analysis/few_shot.csv: accuracy on classes never seen before, by condition, seed, readout and episode."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from metaplast.analysis.rows import read_rows, write_rows
from metaplast.analysis.statistics import Interval, interval
from metaplast.runs import RunDirectory

TABLE = "few_shot"
PIXELS = "pixels"
"""Readout by the nearest example in pixels: no network at all."""


class FewShotRow(NamedTuple):
    """One episode of one network."""

    condition: str
    seed: int
    readout: str
    episode: int
    accuracy: float


def read_few_shot(run: RunDirectory) -> list[FewShotRow]:
    """Rows of analysis/few_shot.csv; none of a run that holds no class back."""
    return read_rows(run, TABLE, FewShotRow)


def write_few_shot(run: RunDirectory, rows: Iterable[FewShotRow]) -> None:
    """Write analysis/few_shot.csv whole, or not at all."""
    write_rows(run, TABLE, FewShotRow, rows)


def few_shot_accuracy(rows: Iterable[FewShotRow]) -> dict[tuple[str, str], Interval]:
    """By condition and readout, mean with a bootstrap interval over seeds; over episodes where there is one seed."""
    found: dict[tuple[str, str], dict[int, list[float]]] = {}
    for row in rows:
        found.setdefault((row.condition, row.readout), {}).setdefault(row.seed, []).append(row.accuracy)
    return {key: interval(np.array(_samples(seeds))) for key, seeds in found.items()}


def _samples(seeds: dict[int, list[float]]) -> list[float]:
    if len(seeds) > 1:
        return [float(np.mean(values)) for values in seeds.values()]
    return next(iter(seeds.values()))
