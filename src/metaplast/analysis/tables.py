"""A table once, for the page, the checked-in text and a file of numbers."""

import csv
import io
import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from metaplast.analysis.statistics import Interval

Cell = str | int | float | Interval | None


class Column(NamedTuple):
    """A column: the name that a file gives it, and the heading that a reader sees."""

    key: str
    heading: str


class Table(NamedTuple):
    """Rows of text, numbers and numbers with intervals."""

    name: str
    """Of its file."""
    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]
    note: str = ""
    """How to read it."""

    def csv(self) -> bytes:
        """The table as a file: an interval takes three columns, floats six digits; the same numbers, the same bytes."""
        wide = [any(isinstance(row[place], Interval) for row in self.rows) for place in range(len(self.columns))]
        buffer = io.StringIO()
        writer = csv.writer(buffer, lineterminator="\n")
        writer.writerow(
            name
            for column, split in zip(self.columns, wide, strict=True)
            for name in ([column.key, f"{column.key}_low", f"{column.key}_high"] if split else [column.key])
        )
        for row in self.rows:
            writer.writerow(
                text
                for cell, split in zip(row, wide, strict=True)
                for text in (_spread(cell) if split else [_raw(cell)])
            )
        return buffer.getvalue().encode()

    def text(self) -> Iterator[list[str]]:
        """Rows as a reader sees them."""
        return ([shown(cell) for cell in row] for row in self.rows)


def _spread(cell: Cell) -> list[str]:
    return [_raw(value) for value in cell] if isinstance(cell, Interval) else [_raw(cell), "", ""]


def _raw(cell: Cell) -> str:
    if isinstance(cell, float):
        return f"{cell:.6g}" if math.isfinite(cell) else ""
    return "" if cell is None else str(cell)


def shown(cell: Cell) -> str:
    """A cell as text: three digits of a small number, all of a large one, an interval in brackets, a dash for none."""
    if isinstance(cell, str):
        return cell
    if isinstance(cell, Interval):
        # A single seed has no interval.
        unsure = not (math.isfinite(cell.low) and math.isfinite(cell.high))
        return number(cell.mean) if unsure else f"{number(cell.mean)} ({number(cell.low)} to {number(cell.high)})"
    return number(cell)


def number(value: float | None) -> str:
    """Three digits of a small number, all of a large one, a dash for none."""
    if value is None or not math.isfinite(value):
        return "–"  # noqa: RUF001
    if abs(value) >= 100 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.3g}"
