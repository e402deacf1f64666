"""lesions.csv: what it costs a learned network to lose a group of its neurons."""

import builtins
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, NamedTuple, Self

import numpy as np

from metaplast.runs import RunDirectory, write_atomically

RANDOM = "random"
"""Name in the column `property` of neurons that were drawn by lot: the control."""
FILE = "lesions.csv"


class LesionRow(NamedTuple):
    """One silenced group of neurons: a line of lesions.csv."""

    condition: str
    seed: int
    property: str
    """By what the neurons were grouped: an intrinsic property, or `RANDOM`."""
    bin: int
    """From 0, the neurons with the smallest values."""
    low: float
    """Smallest value in the bin, in the unit of the property; NaN for `RANDOM`."""
    high: float
    neurons: int
    """How many were silenced."""
    loss: float
    """Task loss on the problem learned last, at once after the lesion, before anything is learned again."""
    loss_intact: float
    accuracy: float
    accuracy_intact: float
    updates: int
    """Updates with the lesion on the next problem of the sequence; an unsolved problem counts the limit."""
    updates_intact: int
    solved: bool
    """Whether the next problem was learned with the lesion; if not, `updates` is only a lower bound."""
    solved_intact: bool

    def line(self) -> str:
        """The row as text, the same bytes on every machine: floats as the shortest text of their float32."""
        return ",".join(_text(value) for value in self) + "\n"

    @classmethod
    def parse(cls, line: str) -> Self:
        """Inverse of `line`.

        Raises:
            ValueError: a line of an earlier version, which does not say what was solved.
        """
        texts = line.rstrip("\n").split(",")
        if len(texts) != len(cls._fields):
            raise ValueError(f"{FILE} was written by an earlier version; remove it and analyse with --lesions again")
        kinds = cls.__annotations__.values()
        values: Any = (text == "true" if kind is bool else kind(text) for kind, text in zip(kinds, texts, strict=True))
        return cls(*values)


def _text(value: str | float | bool) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(np.float32(value)) if isinstance(value, float) else str(value)


@dataclass(frozen=True)
class LesionTable:
    """Lesions as columns of equal length, as in `LesionRow`."""

    condition: np.ndarray
    seed: np.ndarray
    property: np.ndarray
    bin: np.ndarray
    low: np.ndarray
    high: np.ndarray
    neurons: np.ndarray
    loss: np.ndarray
    loss_intact: np.ndarray
    accuracy: np.ndarray
    accuracy_intact: np.ndarray
    updates: np.ndarray
    updates_intact: np.ndarray
    solved: np.ndarray
    solved_intact: np.ndarray

    @builtins.property  # one of its columns is called property
    def censored(self) -> np.ndarray:
        """Where the additional updates are not known: one of the two problems, or both, were not learned."""
        return ~(self.solved & self.solved_intact)

    @classmethod
    def from_rows(cls, rows: Sequence[LesionRow]) -> Self:
        kinds = {str: np.str_, int: np.int64, float: np.float32, bool: np.bool_}
        columns = zip(*rows, strict=True) if rows else [()] * len(LesionRow._fields)
        types = (kinds[kind] for kind in LesionRow.__annotations__.values())
        return cls(*(np.array(column, kind) for column, kind in zip(columns, types, strict=True)))

    def __len__(self) -> int:
        return len(self.seed)

    def select(self, rows: np.ndarray) -> Self:
        """The rows given by a mask or by indices."""
        return type(self)(*(getattr(self, field.name)[rows] for field in fields(self)))

    def conditions(self) -> list[str]:
        """Names of the conditions, in the order in which they first appear."""
        return list(dict.fromkeys(self.condition.tolist()))

    def properties(self) -> list[str]:
        """What neurons were grouped by, in the order of first appearance, `RANDOM` last."""
        return sorted(dict.fromkeys(self.property.tolist()), key=lambda name: name == RANDOM)


def read_rows(run: RunDirectory) -> list[LesionRow]:
    """Rows of lesions.csv; none if it was not written."""
    path = run.path / FILE
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    return [LesionRow.parse(line) for line in lines[1:]]


def read_lesions(run: RunDirectory) -> LesionTable:
    """lesions.csv as columns; empty before `metaplast analyse --lesions`."""
    return LesionTable.from_rows(read_rows(run))


def write_rows(run: RunDirectory, rows: Sequence[LesionRow]) -> None:
    """Write lesions.csv whole."""
    header = ",".join(LesionRow._fields) + "\n"
    write_atomically(run.path / FILE, (header + "".join(row.line() for row in rows)).encode())
