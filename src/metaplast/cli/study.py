"""The bar of a study: how many members are done, what the one under way does, and how long it will all take."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, TextColumn

from metaplast.cli.bar import Times, progress
from metaplast.cli.door import at_the_door

if TYPE_CHECKING:  # JAX is imported late, so that --help answers at once
    from metaplast.experiments.study.session import StudyProgress

HOURS = 6 * 3600
"""Seconds from which the speed is taken: members differ so much that the last minutes say little."""


@contextmanager
def study_bar(console: Console) -> Iterator[Callable[["StudyProgress"], None]]:
    """A bar, and what moves it; a step that does not fit ends the command under it, in one line."""
    columns = (
        TextColumn("[bold]{task.description}"),
        BarColumn(20),
        TextColumn("{task.fields[note]}"),
        Times(),
    )
    with at_the_door(ValueError), progress(console, *columns, speed_estimate_period=HOURS) as bar:
        task = bar.add_task("members", total=None, note="")

        def told(now: "StudyProgress") -> None:
            text = f"{now.finished}/{now.members} members  {now.member}"
            bar.update(task, description=text, total=now.total, completed=now.done, note=now.note)

        yield told
