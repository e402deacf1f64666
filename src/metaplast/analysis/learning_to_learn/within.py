"""within.csv: the loss of every update while a saved network learns the next problem."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from metaplast.analysis.rows import read_rows, write_rows
from metaplast.runs import RunDirectory

TABLE = "within"


class WithinRow(NamedTuple):
    """One update: a line of analysis/within.csv."""

    condition: str
    seed: int
    problem: int
    """Index in the sequence, from 0: so many were learned before."""
    update: int
    """From 1; the last one is that at which the problem was solved, failed or had taken the limit."""
    loss: float
    """Task loss (nats) on the trials of this update, before it changes anything; NaN where it is no number."""


def read_within(run: RunDirectory) -> list[WithinRow]:
    """Rows of within.csv; none before `metaplast analyse --within`."""
    return read_rows(run, TABLE, WithinRow)


def write_within(run: RunDirectory, rows: Sequence[WithinRow]) -> None:
    """Write within.csv whole."""
    write_rows(run, TABLE, WithinRow, rows)


def courses(rows: Sequence[WithinRow], condition: str, problem: int) -> dict[int, Float[np.ndarray, " updates"]]:
    """By seed the losses of one problem, update after update."""
    found: dict[int, list[float]] = {}
    for row in rows:
        if (row.condition, row.problem) == (condition, problem):
            found.setdefault(row.seed, []).append(row.loss)
    return {seed: np.array(losses) for seed, losses in sorted(found.items())}


def median_course(found: Sequence[np.ndarray]) -> Float[np.ndarray, " updates"]:
    """Median over seeds at each update; a network that is done keeps the last loss that it had.

    Without its last loss the median would rise whenever a quick network is done. What is no number counts as infinite.
    """
    length = max(len(losses) for losses in found)
    held = [np.append(losses, np.full(length - len(losses), losses[-1])) for losses in found]
    return np.median(np.nan_to_num(held, nan=np.inf), axis=0)
