"""What a report says of disturbances: of channels damaged one by one, and of channels summed into one synapse."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from markupsafe import Markup

from metaplast.analysis.robustness import RobustnessRow, by_seed, kinds_of, measured_with, read_robustness, sturdier
from metaplast.analysis.statistics import Interval, interval
from metaplast.analysis.tables import Column, Table
from metaplast.report.data import data_of
from metaplast.runs import RunDirectory

CAPTION = Markup(
    "Share of test examples told right after a disturbance of growing strength, by condition; bars or bands are "
    "95&nbsp;% bootstrap intervals over seeds. "
)
SINGLE, MERGED = (
    "Every channel of a layer is damaged by itself.",
    "The channels of a layer are summed into one synapse before it is damaged.",
)
SINGLE_CAPTION, MERGED_CAPTION = CAPTION + SINGLE, CAPTION + MERGED


def robustness_tables(run: RunDirectory) -> list[Table]:
    """Accuracy under each kind of disturbance, and the combinations against the best single mechanism.

    First of channels damaged one by one, then of channels as one synapse; each if it was measured.
    """
    found: list[Table] = []
    for merged, ending, heading, words in (
        (False, "", "", SINGLE),
        (True, "_merged", ", channels as one synapse", MERGED),
    ):
        rows = read_robustness(run, merged=merged)
        tables = _tables(rows, run.config["conditions"], f"{examples(run)} told right", words) if rows else []
        found += [table._replace(name=table.name + ending, title=table.title + heading) for table in tables]
    return found


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
    note = f"Share (%) of {share}, mean over levels 1 to 6 of a kind, all kinds alike in the first column. {words}"
    tables = [Table("robustness", "Under disturbance", columns, shown, note)]
    singles = [name for name in names if conditions[name]["single"]]
    found = [one for name in fullest(conditions) for one in sturdier(rows, singles, name)]
    if found:
        columns = [
            Column("combined", "together", words=True),
            Column("single", "best alone", words=True),
            Column("kind", "disturbance", words=True),
            Column("difference", "difference (points)"),
            Column("verdict", "verdict", words=True),
        ]
        gains = [Interval(*(100 * value for value in one.difference)) for one in found]
        pairs = [
            (one.combined, one.single, one.kind, gain, verdict(gain)) for one, gain in zip(found, gains, strict=True)
        ]
        note = f"By seed, paired. {words}"
        tables.append(Table("sturdier", "Together or alone, under disturbance", columns, pairs, note))
    return tables


def fullest(conditions: dict[str, Any]) -> list[str]:
    """Conditions that combine the most channels."""
    sizes = {name: len(set(one["channels"])) for name, one in conditions.items() if not one["single"]}
    return [name for name, size in sizes.items() if size == max(sizes.values())]


def verdict(gain: Interval) -> str:
    """Which side an interval of differences comes down on."""
    if gain.low > 0:
        return "together better"
    return "alone better" if gain.high < 0 else "cannot tell"


def _mean(values: list[float]) -> Interval:
    return interval(100 * np.array(values))
