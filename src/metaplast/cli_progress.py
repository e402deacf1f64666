"""What a long command shows: bars that tell how far it is and how long it will still take, and what came out."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table

if TYPE_CHECKING:  # JAX is imported late, so that --help answers at once
    from metaplast.experiments.search import Told
    from metaplast.experiments.session import Progress as Learned

LEFT = (TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn())
DOING = TextColumn("[bold]{task.description}")


@contextmanager
def learning_bar(console: Console, lanes: int) -> Iterator[Callable[["Learned"], None]]:
    """A bar for a run, and what moves it."""
    text = TextColumn("{task.fields[recent]} updates each, {task.fields[failures]} failed")
    name = f"{lanes} lane{'s' if lanes > 1 else ''}"
    with Progress(DOING, BarColumn(8), MofNCompleteColumn(), text, *LEFT, console=console) as bar:
        task = bar.add_task("compiling", total=None, recent="-", failures=0)

        def told(progress: "Learned") -> None:
            recent = "-" if progress.recent != progress.recent else f"{progress.recent:.1f}"
            started = progress.done > 0 and recent != "-"
            bar.update(
                task,
                description=name if started else "compiling",
                total=progress.total,
                completed=progress.done,
                recent=recent,
                failures=progress.failures,
            )

        yield told


@contextmanager
def search_line(console: Console, masks: int) -> Iterator[Callable[["Told"], None]]:
    """A line for a search among so many masks, and what changes it; nobody knows how long a search takes."""
    with Progress(SpinnerColumn(), DOING, TimeElapsedColumn(), console=console) as bar:
        task = bar.add_task("compiling", total=None)

        def told(now: "Told") -> None:
            text = f"{now.masks} of {masks} masks, {now.problems} problems, {now.updates:,} updates"
            bar.update(task, description=text)

        yield told


@contextmanager
def analysis_bars(console: Console) -> Iterator[Callable[[str, int, int], None]]:
    """A bar for each part of an analysis, and what moves it: (part, done, total)."""
    columns = (DOING, BarColumn(), MofNCompleteColumn(), *LEFT)
    with Progress(*columns, console=console, speed_estimate_period=3600) as bar:  # a step may take minutes
        tasks = {}

        def told(part: str, done: int, total: int) -> None:
            if part not in tasks:
                tasks[part] = bar.add_task(part)
            bar.update(tasks[part], completed=done, total=total)

        yield told


def summary_table(summary: dict[str, Any]) -> Table:
    """A finished run in one line a condition."""
    headings = ("condition", "problems", "failures", "first", "late", "total", "seconds")
    table = Table(*headings, box=None, header_style="bold")
    for name, numbers in summary["conditions"].items():
        table.add_row(
            name,
            str(numbers["problems"]),
            str(numbers["failures"]),
            f"{numbers['updates_first']:.1f}",
            f"{numbers['updates_late']:.1f}",
            f"{numbers['updates_total']:.0f}",
            f"{numbers['seconds']:.1f}",
        )
    return table
