"""Tables of an analysis as files: a named tuple a row, the same numbers in the same bytes."""

import csv
import io
import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeVar, get_type_hints

from metaplast.runs import RunDirectory, write_atomically

DIGITS = 6
"""Significant digits of a float: more would differ from machine to machine."""

Row = TypeVar("Row", bound=NamedTuple)


def table_path(run: RunDirectory, name: str) -> Path:
    """Where the table `name` of a run is, or would be: analysis/<name>.csv."""
    return run.path / "analysis" / f"{name}.csv"


def text(value: Any) -> str:
    """A cell: floats with six significant digits, nothing for what is not a finite number, no negative zero."""
    if isinstance(value, float):
        return f"{value + 0.0:.{DIGITS}g}" if math.isfinite(value) else ""
    return str(value)


def write_rows(run: RunDirectory, name: str, kind: type[Row], rows: Iterable[Row]) -> Path:
    """Write analysis/<name>.csv, with the fields of `kind` as its header."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(kind._fields)
    writer.writerows([text(value) for value in row] for row in rows)
    return write_atomically(table_path(run, name), buffer.getvalue().encode())


def read_rows(run: RunDirectory, name: str, kind: type[Row]) -> list[Row]:
    """Rows of analysis/<name>.csv; none if it was not written, or by a version with other columns."""
    path = table_path(run, name)
    if not path.is_file():
        return []
    header, *lines = csv.reader(io.StringIO(path.read_bytes().decode()))
    if tuple(header) != kind._fields:
        return []
    types = list(get_type_hints(kind).values())
    return [kind._make(_parsed(cell, one) for cell, one in zip(line, types, strict=True)) for line in lines]


def _parsed(cell: str, kind: type) -> Any:
    return math.nan if kind is float and not cell else kind(cell)


def lanes_of(rows: Sequence[Any]) -> list[tuple[str, int]]:
    """Condition and seed of the rows, in the order in which they first appear."""
    return list(dict.fromkeys((row.condition, row.seed) for row in rows))
