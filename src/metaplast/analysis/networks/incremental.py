"""Tables that take long: what is measured already is read from the file, only the rest is measured."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TypeVar

from metaplast.analysis.networks.moments import Moment, by_lane
from metaplast.analysis.rows import Row, read_rows, table_path, write_rows
from metaplast.runs import RunDirectory

Told = Callable[[str, int, int], None]
"""Hears what is measured, how many of the moments are done, and of how many."""

Kind = TypeVar("Kind")


def measure(
    run: RunDirectory,
    name: str,
    kind: type[Row],
    found: Sequence[Moment],
    source: Callable[[Moment], str],
    make: Callable[[Moment], Iterable[Row]],
    told: Told,
) -> list[Row]:
    """Complete analysis/<name>.csv with the rows that `make` gives for each moment, and return them all.

    A row is kept while the arrays that it was made from, named by `source`, are older than the file; else it is made
    anew. The file is written after every lane, so that a measurement that was killed goes on. Moments that gave no
    row are asked again. All rows are returned as the file has them, with its digits, so that what is reckoned from
    them does not depend on which of them are new.
    """
    known = _kept(run, name, kind, found, source)
    done = sum(_key(moment) in known for moment in found)
    for lane in by_lane(list(found)):
        missing = [moment for moment in lane if _key(moment) not in known]
        for moment in missing:
            known[_key(moment)] = list(make(moment))
            done += 1
            told(name, done, len(found))
        rows = [row for moment in found for row in known.get(_key(moment), [])]
        if missing and rows:
            write_rows(run, name, kind, rows)
    return read_rows(run, name, kind)


def _key(moment: Moment) -> tuple[str, int, str]:
    return moment.condition, moment.seed, moment.name


def _kept(
    run: RunDirectory, name: str, kind: type[Row], found: Sequence[Moment], source: Callable[[Moment], str]
) -> dict[tuple[str, int, str], list[Row]]:
    """The rows on disk, by moment, of those moments whose arrays have not changed since."""
    path = table_path(run, name)
    if not path.is_file():
        return {}
    written = path.stat().st_mtime_ns
    fresh = {_key(moment) for moment in found if _changed(run, source(moment)) <= written}
    rows: dict[tuple[str, int, str], list[Row]] = {}
    for row in read_rows(run, name, kind):
        key = row.condition, row.seed, row.moment  # pyright: ignore[reportAttributeAccessIssue]
        if key in fresh:
            rows.setdefault(key, []).append(row)
    return rows


def _changed(run: RunDirectory, name: str) -> int:
    return Path(run.path / f"{name}.npz").stat().st_mtime_ns
