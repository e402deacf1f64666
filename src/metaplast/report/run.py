"""The page of runs: what one did, or how several compare."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import tomli_w
from markupsafe import Markup

from metaplast.analysis.learning_to_learn.curves import (
    LATE,
    ExponentialFit,
    Summary,
    counted_problems,
    exponential_fit,
    given_up_at,
    late,
    mean_over_seeds,
    summary,
    updates_matrix,
)
from metaplast.analysis.tables import number
from metaplast.figures.captions import AGAIN, CAPTIONS, TITLES
from metaplast.figures.network import changed
from metaplast.figures.run import WINDOW, draw_all, intrinsic_parameters
from metaplast.figures.style import palette
from metaplast.report.page import PAGE, data_uri, environment, flat
from metaplast.runs import ProblemTable, RunDirectory, write_atomically

__all__ = ["named", "number", "write_report"]


class Figure(NamedTuple):
    kind: str
    """Which caption, and how large."""
    title: str
    caption: Markup
    source: str
    """The picture itself, as a data URI."""


class Condition(NamedTuple):
    """A row of the tables."""

    name: str
    colour: str
    numbers: Summary
    ratio: float
    """Updates on the first problem over updates on a late one."""
    fit: ExponentialFit
    accuracy: float
    """Mean over the last problems and over seeds."""
    firing_rate_hz: float
    """Mean over the last problems and over seeds."""


class Section(NamedTuple):
    """All that the page says of one run."""

    anchor: str
    name: str
    title: str
    sentence: str
    conditions: list[Condition]
    failures: str
    diverged: int
    """Of the failures, those of networks whose loss was no number any more."""
    seconds: float
    compile_seconds: float
    figures: list[Figure]
    given_up: list[str]
    """Networks that attempted no further problem, in words."""
    unchanged: list[str]
    """Conditions in which learning moved no intrinsic parameter."""
    assumed: list[str]
    config: str
    provenance: list[tuple[str, str]]


def write_report(runs: Sequence[RunDirectory], path: Path | None = None) -> Path:
    """Draw the figures of every run anew and write the page that shows them all.

    Written to report.html in the first run directory, or to `path`.

    Raises:
        ValueError: no run.
    """
    if not runs:
        raise ValueError("write_report got no run; expected at least one run directory")
    template = environment().get_template("report.html")
    sections = [section(run, f"run-{place}") for place, run in enumerate(runs, 1)]
    page = template.render(sections=sections, late=LATE)
    return write_atomically(path or runs[0].path / PAGE, page.encode())


def section(run: RunDirectory, anchor: str) -> Section:
    """Everything the page says of one run, from its directory."""
    config, meta, table = run.config, run.meta, counted_problems(run)
    rows = conditions(table)
    attempts, failures = (sum(getattr(row.numbers, key) for row in rows) for key in ("attempts", "failures"))
    timing = {**run.summary, **meta}
    return Section(
        anchor=anchor,
        name=run.name,
        title=title(config),
        sentence=sentence(config, rows),
        conditions=rows,
        failures=f"{failures:,} of {attempts:,}",
        diverged=sum(row.numbers.diverged for row in rows),
        seconds=_real(timing.get("seconds")),
        compile_seconds=_real(timing.get("seconds_compile")),
        figures=pictures(draw_all(run)),
        given_up=given_up(config, table),
        unchanged=unchanged(run, table),
        assumed=[str(item) for item in config.get("assumed", [])],
        config=tomli_w.dumps(config),
        provenance=list(flat(meta)),
    )


def conditions(table: ProblemTable) -> list[Condition]:
    """The numbers of every condition, in the order of the table."""
    return [condition(table, name, colour) for name, colour in palette(table.conditions()).items()]


def condition(table: ProblemTable, name: str, colour: str) -> Condition:
    """The numbers of one condition."""
    numbers = summary(table, name)
    lanes = [table.lane(name, seed) for seed in table.seeds(name)]
    return Condition(
        name=name,
        colour=colour,
        numbers=numbers,
        ratio=numbers.updates_first / numbers.updates_late if numbers.updates_late else math.nan,
        fit=exponential_fit(mean_over_seeds(updates_matrix(table, name))),
        accuracy=sum(float(lane.accuracy[-late(len(lane)) :].mean()) for lane in lanes) / len(lanes),
        firing_rate_hz=sum(float(lane.firing_rate_hz[-late(len(lane)) :].mean()) for lane in lanes) / len(lanes),
    )


def title(config: dict[str, Any]) -> str:
    """The configured title, or else experiment and family as far as the configuration names them."""
    words = [named(config, "experiment"), named(config, "family")]
    return config.get("title") or ": ".join(word.replace("_", " ") for word in words if word) or "A run"


def sentence(config: dict[str, Any], rows: Sequence[Condition]) -> str:
    """What was run, in one sentence."""
    if not rows:
        return "No problem has been learned yet."
    seeds = max(row.numbers.seeds for row in rows)
    problems = max(row.numbers.problems for row in rows)
    neurons = named(config, "neurons")
    network = f"a network of {neurons} neurons" if neurons else "a network"
    names = " and ".join(filter(None, [", ".join(row.name for row in rows[:-1]), rows[-1].name]))
    return (
        f"{plural(problems, 'problem')} one after the other, learned by {network} with {plural(seeds, 'seed')} "
        f"under {plural(len(rows), 'condition')}: {names}."
    )


def given_up(config: dict[str, Any], table: ProblemTable) -> list[str]:
    """Which networks gave up, and when."""
    run, found = config.get("run", {}), []
    for name in table.conditions():
        for seed, count in given_up_at(table, name, run.get("give_up", 0), run.get("problems", 0)).items():
            found.append(f"{name}, seed {seed}, after {count} of {run['problems']:,} problems")
    return found


def plural(count: int, word: str) -> str:
    """`1 seed`, `3 seeds`."""
    return f"{count:,} {word}" if count == 1 else f"{count:,} {word}s"


def named(config: dict[str, Any], key: str) -> str:
    """Value of the shallowest entry `key`, or the `name` in it if it is a table; empty without one."""
    level = [config]
    while level:
        for table in level:
            if key in table:
                value = table[key]
                return str(value.get("name", "") if isinstance(value, dict) else value)
        level = [value for table in level for value in table.values() if isinstance(value, dict)]
    return ""


def pictures(paths: Sequence[Path]) -> list[Figure]:
    """The figures with the words that explain how to read them, said once for each kind."""
    found: list[Figure] = []
    for path in paths:
        kind, _, rest = path.stem.partition("-")
        heading = f"{TITLES.get(kind, kind)}: {rest}" if rest else TITLES.get(kind, kind)
        again = any(figure.kind == kind for figure in found)
        caption = AGAIN.format(name=rest) if again else CAPTIONS.get(kind, Markup()).format(window=WINDOW)
        found.append(Figure(kind, heading, caption, data_uri(path.read_bytes())))
    return found


def unchanged(run: RunDirectory, table: ProblemTable) -> list[str]:
    """Conditions that have intrinsic parameters, none of which moved."""
    pairs = {name: intrinsic_parameters(run, name, table.seeds(name)) for name in table.conditions()}
    return [name for name, (start, end) in pairs.items() if start and not any(changed(start, end).values())]


def _real(value: Any) -> float:
    return float(value) if isinstance(value, int | float) else math.nan
