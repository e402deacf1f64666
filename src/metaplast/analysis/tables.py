"""A table once, for the page, the checked-in text and a file of numbers."""

import csv
import io
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from metaplast.analysis.statistics import Interval

LONG = 20
"""Rows of a table that is still shown at once."""

Cell = str | int | float | Interval | None


class Column(NamedTuple):
    """A column: the name that a file gives it, and the heading that a reader sees."""

    key: str
    heading: str
    words: bool = False
    """Whether it holds words, which begin at the left."""


class Table(NamedTuple):
    """Rows of text, numbers and numbers with intervals."""

    name: str
    """Of its file."""
    title: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]
    note: str = ""
    """How to read it."""
    headline: bool = False
    """Whether it is shown at once, however long it is."""

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

    @property
    def long(self) -> bool:
        """Whether a reader should have to ask for it."""
        return len(self.rows) > LONG and not self.headline

    def text(self) -> Iterator[list[str]]:
        """Rows as a reader sees them; what the first column repeats is left out."""
        before = None
        for row in self.rows:
            first, *others = (shown(cell) for cell in row)
            yield ["" if first == before else first, *others]
            before = first


def read_csv(path: Path) -> list[dict[str, str]]:
    """Rows of a file by the names of its columns; none if it is not there."""
    return list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8")))) if path.is_file() else []


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
    return _interval(cell) if isinstance(cell, Interval) else number(cell)


def _interval(found: Interval) -> str:
    """Mean and interval with as many decimals as two digits of its width take; a single seed has no interval."""
    width = found.high - found.low
    if not math.isfinite(width) or not math.isfinite(found.mean):
        return number(found.mean)
    if width <= 0:
        return f"{number(found.mean)} ({number(found.low)} to {number(found.high)})"
    decimals = min(max(1 - math.floor(math.log10(width)), 0), 4)
    mean, low, high = (f"{value + 0.0:,.{decimals}f}" for value in found)
    return f"{mean} ({low} to {high})"


def percent(share: float) -> str:
    """A share in percent."""
    return f"{shown(100 * share)} %"


def number(value: float | None) -> str:
    """Three digits of a small number, all of a large one, a dash for none."""
    if value is None or not math.isfinite(value):
        return "–"  # noqa: RUF001
    if abs(value) >= 100 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.3g}"
