"""What a long command shows: bars that tell how far it is and how long it will still take, and what came out."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Column, Table

from metaplast.cli.bar import Times, progress

if TYPE_CHECKING:  # JAX is imported late, so that --help answers at once
    from metaplast.experiments.learning_to_learn.session import Progress as Learned
    from metaplast.experiments.search.progress import Told
    from metaplast.experiments.sweep.rates import Swept

DOING = TextColumn("[bold]{task.description}")
WIDE = 110
"""Columns of a terminal from which a bar has its usual width."""


@contextmanager
def learning_bar(console: Console, lanes: int) -> Iterator[Callable[["Learned"], None]]:
    """A bar for a run, and what moves it."""
    text = TextColumn("problems, {task.fields[recent]} updates, {task.fields[failures]} failed{task.fields[end]}")
    name = f"{lanes} lane{'s' if lanes > 1 else ''}"
    # The numbers fit into 80 columns, and the bar takes what they leave: cut short, they would say nothing.
    line = BarColumn(None if console.width < WIDE else 40)
    count = MofNCompleteColumn(table_column=Column(no_wrap=True))
    with progress(console, DOING, line, count, text, Times()) as bar:
        task = bar.add_task(f"compiling {name}", total=None, recent="-", failures=0, end="")

        def told(now: "Learned") -> None:
            recent = "-" if now.recent != now.recent else f"{now.recent:.1f}"
            started = now.done > 0 and recent != "-"
            bar.update(
                task,
                description="learning" if started else f"compiling {name}",
                total=now.total,
                completed=now.done,
                recent=recent,
                failures=now.failures,
                end=f", {now.given_up} gave up" if now.given_up else "",
            )

        yield told


@contextmanager
def search_line(console: Console, masks: int) -> Iterator[Callable[["Told"], None]]:
    """A line for a search among so many masks, and what changes it; nobody knows how long a search takes."""
    with progress(console, SpinnerColumn(), DOING, TimeElapsedColumn()) as bar:
        task = bar.add_task("compiling", total=None, stage="compiling")

        def told(now: "Told") -> None:
            bar.update(task, description=now.words(masks), stage="searching")

        yield told


@contextmanager
def sweep_bar(console: Console) -> Iterator[Callable[["Swept"], None]]:
    """A bar for a sweep over learning rates, and what moves it."""
    text = TextColumn("problems, {task.fields[updates]} updates, {task.fields[failures]} failed")
    columns = (DOING, BarColumn(20), MofNCompleteColumn(), text, Times())
    with progress(console, *columns, speed_estimate_period=3600) as bar:  # models differ in speed
        task = bar.add_task("compiling", total=None, updates="0", failures=0)

        def told(now: "Swept") -> None:
            counts = {"updates": f"{now.updates:,}", "failures": now.failures}
            bar.update(task, description=now.model, total=now.total, completed=now.done, **counts)

        yield told


def sweep_table(summary: dict[str, Any]) -> Table:
    """A finished sweep in one line a model and rate; the chosen rates in bold."""
    from metaplast.analysis.sweep.rate_scores import remark

    table = Table("model", "rate", "updates to criterion", "solved", "spent", "chosen", box=None, header_style="bold")
    for name, found in summary["models"].items():
        for score in found["scores"]:
            best = score["rate"] == found["chosen"]["rate"]
            solved = f"{score['solved']} of {score['problems']}"
            note = f"yes{', ' + remark(found['chosen']) if remark(found['chosen']) else ''}" if best else ""
            cells = (name, f"{score['rate']:g}", f"{score['score']:.1f}", solved, f"{score['updates']:,}", note)
            table.add_row(*cells, style="bold" if best else "")
    return table


@contextmanager
def analysis_bars(console: Console) -> Iterator[Callable[[str, int, int], None]]:
    """A bar for each part of an analysis, and what moves it: (part, done, total)."""
    columns = (DOING, BarColumn(), MofNCompleteColumn(), Times())
    with progress(console, *columns, speed_estimate_period=3600) as bar:  # a step may take minutes
        tasks = {}

        def told(part: str, done: int, total: int) -> None:
            if part not in tasks:
                tasks[part] = bar.add_task(part)
            bar.update(tasks[part], completed=done, total=total)

        yield told


def summary_table(summary: dict[str, Any]) -> Table:
    """A finished run in one line a condition; the report tells what first and late are."""
    updates = ("updates,\nfirst", "updates,\nlate", "updates\nin total, mean")
    headings = ("condition", "problems", "failures", *updates, "seconds of\nlearning")
    table = Table(*headings, box=None, header_style="bold")
    for name, numbers in summary["conditions"].items():
        table.add_row(
            name,
            str(numbers["problems"]),
            f"{numbers['failures']}{_diverged(numbers)}{_given_up(numbers)}",
            f"{numbers['updates_first']:.1f}",
            f"{numbers['updates_late']:.1f}",
            f"{numbers['updates_total']:.0f}",
            f"{numbers['seconds']:.1f}",
        )
    return table


def _diverged(numbers: dict[str, Any]) -> str:
    """Behind the failures of a condition: how many of them ended because the loss was no number any more."""
    found = numbers.get("diverged")  # a run of an older version does not tell
    return f", {found} diverged" if found else ""


def _given_up(numbers: dict[str, Any]) -> str:
    """Behind the failures of a condition: how many of its networks gave up."""
    found = numbers.get("given_up_at")
    return f" ({len(found)} of {numbers['seeds']} seeds gave up)" if found else ""
