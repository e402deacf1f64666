"""Final efficiency: what a problem costs late in a sequence. Only the same problems are compared."""

from collections.abc import Sequence

import numpy as np

from metaplast.analysis.learning_to_learn.curves import late
from metaplast.analysis.statistics import interval
from metaplast.analysis.study.panels import MASK, Panel, Sequences, StudyResults
from metaplast.analysis.tables import Cell, Column, Table


def late_updates(found: Sequences, length: int) -> np.ndarray:
    """Updates a problem, seed by seed, over the last problems of a sequence cut to `length`."""
    return found.updates[:, length - late(length) : length].mean(axis=1)


def late_problems(length: int) -> str:
    """Which problems those are, counted from 1."""
    first = length - late(length) + 1
    return f"{length:,}" if first == length else f"{first:,} to {length:,}"


def late_by_family(results: StudyResults) -> Table:
    """Final efficiency of every condition, a column a family and a block of rows for each length of a sequence.

    Problems become cheaper along a sequence, so that a longer one would look better by its own last problems: a block
    takes the same problems of all conditions that came so far. One that gave up before has no final efficiency.
    """
    panels = [results.panels[family] for family in results.families if family in results.panels]
    order = dict.fromkeys(name for panel in panels for name in _shown(panel))
    lengths = sorted({length for panel in panels for length in _lengths(panel)}, reverse=True)
    rows: list[Sequence[Cell]] = []
    for length in lengths:
        for condition in order:
            cells = [_efficiency(panel, condition, length) for panel in panels]
            if any(cells):
                rows.append([late_problems(length), condition, *cells])
    columns = [
        Column("problems", "problems", words=True),
        Column("condition", "condition", words=True),
        *(Column(panel.name, panel.name) for panel in panels),
    ]
    note = (
        "Updates a problem, mean over the seeds of each condition with 95 % bootstrap intervals (BCa); a failed "
        "problem counts with the limit. Compare within one block of rows and one column: these conditions met the same "
        "problems, the last 50 of a sequence or the last half of a short one. A longer sequence is also shown up to "
        "the end of each shorter one of its family. Where a network gave up after so many problems, not all of its "
        "condition came as far."
    )
    return Table("final-efficiency", "Final efficiency", columns, rows, note, headline=True)


def _shown(panel: Panel) -> list[str]:
    return [name for name in panel.conditions if not name.startswith(MASK)]


def _lengths(panel: Panel) -> set[int]:
    """Of the sequences as they were planned; pooled conditions have no plan of their own."""
    return {panel.planned.get(name, panel.conditions[name].problems) for name in _shown(panel)}


def _efficiency(panel: Panel, condition: str, length: int) -> Cell:
    """None where no sequence of the family ends, or where that of the condition was not to come so far."""
    found = panel.conditions.get(condition)
    if found is None or length not in _lengths(panel):
        return None
    if found.problems >= length:
        return interval(late_updates(found, length))
    return f"gave up after {found.problems:,}" if panel.planned.get(condition, 0) >= length else None
