"""How far a long command is: bars in a terminal, and plain lines where its output goes to a file or a pipe."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, SpinnerColumn, Task, TaskID
from rich.table import Column
from rich.text import Text

EVERY = 30.0
"""Seconds between two lines of the same stage."""


class Times(ProgressColumn):
    """The time that is gone, and that which is left as far as the speed so far tells."""

    max_refresh = 0.5

    def __init__(self) -> None:
        super().__init__(table_column=Column(no_wrap=True))

    def render(self, task: Task) -> Text:
        """`0:01:02 gone, 0:02:18 left`; only the former before there is a speed."""
        gone = task.finished_time if task.finished else task.elapsed
        text = f"{_clock(gone or 0.0)} gone"
        if task.time_remaining is not None:
            text += f", {_clock(task.time_remaining)} left"
        return Text(text, style="progress.remaining")


def _clock(seconds: float) -> str:
    return str(timedelta(seconds=max(0, int(seconds))))


class Lines(Progress):
    """The numbers of a bar as lines that stay, each written at once.

    There is one when a stage begins and one when it ends, and in between at most one every `EVERY` seconds. A stage is
    what a task is described as, or its field `stage`, given at every update, where its description also counts.
    """

    def __init__(self, *columns: ProgressColumn, console: Console, speed_estimate_period: float = 3600.0) -> None:
        self._words = [column for column in columns if not isinstance(column, BarColumn | SpinnerColumn)]
        super().__init__(*self._words, console=console, disable=True, speed_estimate_period=speed_estimate_period)
        self._last: TaskID | None = None
        """The task that was told of last."""
        self._written = -math.inf
        """When the last line was written."""
        self._fresh = False
        """Whether something was told that no line says."""

    def add_task(self, *arguments: Any, **options: Any) -> TaskID:
        self._write()
        self._last = super().add_task(*arguments, **options)
        self._written, self._fresh = -math.inf, True
        if self._tasks[self._last].total is None:  # it may take minutes until it is known how much there is to do
            self._write()
        return self._last

    def update(self, task_id: TaskID, **changes: Any) -> None:
        task = self._tasks[task_id]
        before, over = task.fields.get("stage", task.description), task.finished
        begins = changes.get("stage", changes.get("description", before)) != before
        if begins or task_id != self._last:
            self._write()
        super().update(task_id, **changes)
        self._last, self._fresh = task_id, True
        if begins or task.finished != over or self.get_time() >= self._written + EVERY:
            self._write()

    def stop(self) -> None:
        self._write()

    def _write(self) -> None:
        """Write what was told last, unless a line says it."""
        if self._fresh and self._last is not None:
            task = self._tasks[self._last]
            words = [str(column.render(task)).strip() for column in self._words]
            line = " ".join(word for word in words if word)
            self.console.print(line, markup=False, highlight=False, soft_wrap=True)
            self._written, self._fresh = self.get_time(), False


@contextmanager
def progress(console: Console, *columns: ProgressColumn, **options: Any) -> Iterator[Progress]:
    """A bar of these columns if `console` is a terminal, else lines with the same words."""
    kind = Progress if console.is_terminal else Lines
    with kind(*columns, console=console, **options) as shown:
        yield shown
