"""What a report says of disturbances: of channels damaged one by one, and of channels summed into one synapse."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from markupsafe import Markup

from metaplast.analysis.classification.robustness import (
    ALL,
    RobustnessRow,
    Sturdier,
    by_seed,
    disturbance,
    kinds_of,
    levels_of,
    measured_with,
    read_robustness,
    sturdier,
    value_at,
)
from metaplast.analysis.statistics import Interval, interval
from metaplast.analysis.tables import Column, Table
from metaplast.report.contest import FAVOURED, PAIRED, fullest, points, verdict
from metaplast.report.data import data_of
from metaplast.runs import RunDirectory

CAPTION = Markup(
    "Share of test examples told right after a disturbance of growing strength, by condition; bars are 95&nbsp;% "
    "bootstrap intervals over seeds. Below each level stands its value in the unit below the axis. "
)
SINGLE, MERGED = (
    "Every channel of a layer is damaged by itself.",
    "The channels of a layer are summed into one synapse before it is damaged.",
)
SINGLE_CAPTION, MERGED_CAPTION = CAPTION + SINGLE, CAPTION + MERGED


def robustness_tables(run: RunDirectory) -> list[Table]:
    """What levels mean, accuracy by kind of disturbance, and combinations against the best single mechanism.

    The latter first of channels damaged one by one, then of channels as one synapse; each if it was measured.
    """
    measured = [row for merged in (False, True) for row in read_robustness(run, merged=merged)]
    found = [_levels(measured)] if measured else []
    for merged, ending, heading, words in (
        (False, "", "", SINGLE),
        (True, "_merged", ", channels as one synapse", MERGED),
    ):
        rows = read_robustness(run, merged=merged)
        tables = _tables(rows, run.config["conditions"], f"{examples(run)} told right", words) if rows else []
        found += [table._replace(name=table.name + ending, title=table.title + heading) for table in tables]
    return found


def _levels(rows: Sequence[RobustnessRow]) -> Table:
    """What is done at the lowest and at the highest level: a row a kind."""
    low, high = levels_of(rows)[1], levels_of(rows)[-1]
    columns = [
        Column("kind", "disturbance", words=True),
        Column("what", "what is done", words=True),
        Column("low", f"level {low}"),
        Column("high", f"level {high}"),
        Column("unit", "unit", words=True),
    ]
    known = ((kind, found) for kind in kinds_of(rows) if (found := disturbance(kind)))
    shown = [(kind, found.what, value_at(kind, low), value_at(kind, high), found.unit) for kind, found in known]
    note = "Level 0 is undisturbed, and every level differs from the one before by as much"
    roots = [kind for kind in kinds_of(rows) if (found := disturbance(kind)) and found.value is math.sqrt]
    note += f": of {' and '.join(roots)} in the variance, whose root is shown." if roots else "."
    return Table("levels", "Levels", columns, shown, note)


def examples(run: RunDirectory) -> str:
    """On how many test examples disturbances were measured, in words."""
    asked, there = measured_with(run).get("test"), data_of(run).test
    if asked is None:
        return "test examples"
    if asked and not 0 < there <= asked:
        return f"the first {asked:,} test examples"
    return f"all {there:,} test examples" if there else "all test examples"


def without_merged(config: dict[str, Any]) -> dict[str, Any]:
    """A configuration to be shown, without the switch that chooses a matrix: tables of either say which it is."""
    if "robustness" not in config:
        return config
    return config | {"robustness": {key: value for key, value in config["robustness"].items() if key != "merged"}}


def _tables(rows: Sequence[RobustnessRow], conditions: dict[str, Any], share: str, words: str) -> list[Table]:
    kinds, names = kinds_of(rows), list(dict.fromkeys(row.condition for row in rows))
    columns = [Column("condition", "condition", words=True), Column("all", "all")]
    columns += [Column(kind.replace("-", "_"), kind) for kind in kinds]
    shown = [(name, *(_mean([*by_seed(rows, name, kind).values()]) for kind in (None, *kinds))) for name in names]
    averaged = f"mean over levels 1 to {max(row.level for row in rows)} of a kind, all kinds alike in the first column"
    note = f"Share (%) of {share}, {averaged}. {words}"
    tables = [Table("robustness", "Under disturbance", columns, shown, note)]
    singles = [name for name in names if conditions[name]["single"]]
    found = [one for name in fullest(conditions) for one in sturdier(rows, singles, name)]
    return [*tables, _against(found, words)] if found else tables


def _against(found: Sequence[Sturdier], words: str) -> Table:
    """Combinations against the best single mechanism; only what all disturbances together come to is a verdict."""
    columns = [
        Column("combined", "together", words=True),
        Column("single", "best alone", words=True),
        Column("kind", "disturbance", words=True),
        Column("seeds", "seeds"),
        Column("difference", "difference (points)"),
        Column("verdict", "verdict", words=True),
    ]
    rows = []
    for one in found:
        judged = verdict(one.difference, one.seeds) if one.kind == ALL else None
        rows.append((one.combined, one.single, one.kind, one.seeds, points(one.difference), judged))
    note = (
        f"Brackets: {PAIRED}. Only the row of all disturbances has a verdict: those of single kinds are many, and "
        "their intervals are not corrected for their number. Best alone is the single mechanism with the highest mean "
        f"over all disturbances in these very numbers, {FAVOURED}; it need not be the best one undisturbed. {words}"
    )
    return Table("sturdier", "Together or alone, under disturbance", columns, rows, note)


def _mean(values: list[float]) -> Interval:
    return interval(100 * np.array(values))
