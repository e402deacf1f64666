"""Tasks learned one after the other: what is kept of the earlier ones, and what they lend to the later ones.

All is said of the accuracy matrix R [seeds, 1 + tasks, tasks]: R[i, j] is the test accuracy on task j after i tasks
have been learned, so that row 0 is that of the network at its start.
"""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from metaplast.analysis.classification.epochs import EpochTable, read_epochs
from metaplast.analysis.rows import read_rows, write_rows
from metaplast.analysis.statistics import Interval, interval
from metaplast.runs import RunDirectory

Matrix = Float[np.ndarray, "seeds learned tasks"]
TABLE = "sequence"


class SequenceRow(NamedTuple):
    """One number of the accuracy matrix: a line of analysis/sequence.csv."""

    condition: str
    seed: int
    learned: int
    """Tasks learned by then, from 0."""
    task: int
    """The one that is tested, from 1."""
    accuracy: float


class Transfer(NamedTuple):
    """What a condition makes of a sequence, with bootstrap intervals over seeds."""

    average: Interval
    learned: Interval
    """Accuracy on each task right after it was learned, mean over tasks."""
    backward: Interval
    forgetting: Interval
    forward: Interval


def average_accuracy(matrix: Matrix) -> Float[np.ndarray, " seeds"]:
    """Mean over j of R[T, j]: on all tasks, after the last of T.

    Reference: Lopez-Paz & Ranzato (2017), Gradient episodic memory for continual learning, eq. 2.
    """
    return matrix[:, -1].mean(-1)


def learned_accuracy(matrix: Matrix) -> Float[np.ndarray, " seeds"]:
    """Mean over j of R[j, j]: what could be kept."""
    return np.diagonal(matrix[:, 1:], axis1=1, axis2=2).mean(-1)


def backward_transfer(matrix: Matrix) -> Float[np.ndarray, " seeds"]:
    """Mean over j < T of R[T, j] - R[j, j]: below zero where later tasks cost earlier ones.

    Reference: Lopez-Paz & Ranzato (2017), eq. 3.
    """
    then = np.diagonal(matrix[:, 1:], axis1=1, axis2=2)
    return (matrix[:, -1] - then)[:, :-1].mean(-1)


def forgetting(matrix: Matrix) -> Float[np.ndarray, " seeds"]:
    """Mean over j < T of max over 1 <= i < T of R[i, j], minus R[T, j]: what is lost of the best.

    Reference: Chaudhry et al. (2018), Riemannian walk for incremental learning, eq. 3.
    """
    return (matrix[:, 1:-1].max(1) - matrix[:, -1])[:, :-1].mean(-1)


def forward_transfer(matrix: Matrix) -> Float[np.ndarray, " seeds"]:
    """Mean over j > 1 of R[j - 1, j] - R[0, j]: what earlier tasks lend to one that has not been learned.

    Reference: Lopez-Paz & Ranzato (2017), eq. 4.
    """
    before = np.diagonal(matrix[:, :-1], axis1=1, axis2=2)
    return (before - matrix[:, 0])[:, 1:].mean(-1)


MEASURES: dict[str, Callable[[Matrix], np.ndarray]] = {
    "average": average_accuracy,
    "learned": learned_accuracy,
    "backward": backward_transfer,
    "forgetting": forgetting,
    "forward": forward_transfer,
}


def accuracy_matrix(table: EpochTable, condition: str, epochs: int) -> Matrix:
    """R of a condition whose tasks had so many `epochs` each."""
    of_tasks = np.stack([table.curve(condition, name) for name in table.columns(condition, "task")], axis=-1)
    start = np.stack([table.curve(condition, name)[:, :1] for name in table.columns(condition, "start")], axis=-1)
    return np.concatenate([start, of_tasks[:, epochs - 1 :: epochs]], axis=1)


def transfers(run: RunDirectory) -> dict[str, Transfer]:
    """What every condition of a run made of its sequence; none of a run with a single task."""
    table, epochs = read_epochs(run), run.config["training"]["epochs"]
    matrices = {
        name: accuracy_matrix(table, name, epochs) for name in table.conditions() if table.columns(name, "task")
    }
    return {
        name: Transfer(**{measure: interval(found(matrix)) for measure, found in MEASURES.items()})
        for name, matrix in matrices.items()
    }


def write_sequence(run: RunDirectory) -> Path:
    """Write analysis/sequence.csv: the accuracy matrix of every network."""
    table, epochs = read_epochs(run), run.config["training"]["epochs"]
    rows = [
        SequenceRow(name, seed, learned, task + 1, float(accuracy))
        for name in table.conditions()
        for seed, matrix in zip(table.seeds(name), accuracy_matrix(table, name, epochs), strict=True)
        for learned, on_tasks in enumerate(matrix)
        for task, accuracy in enumerate(on_tasks)
    ]
    return write_rows(run, TABLE, SequenceRow, rows)


def read_sequence(run: RunDirectory) -> list[SequenceRow]:
    """Rows of analysis/sequence.csv; none of a run with a single task."""
    return read_rows(run, TABLE, SequenceRow)
