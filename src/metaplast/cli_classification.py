"""`metaplast run` of a classification experiment."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from metaplast.cli_progress import DOING, LEFT

if TYPE_CHECKING:  # JAX is imported late, so that --help answers at once
    from metaplast.experiments.classification import Grid
    from metaplast.experiments.classification_session import Progress as Learned
    from metaplast.runs import RunDirectory


def opened(
    name: str, settings: list[str], directory: Path, resume: bool, console: Console
) -> tuple["Grid", "RunDirectory"]:
    """Build what a configuration describes, and the directory into which it is run.

    Raises:
        ValueError: a setting that does not fit.
        OSError: data that are not there, or a directory that is not free.
    """
    from metaplast.devices import available_cores, prepare
    from metaplast.experiments.catalogue import classification_configuration
    from metaplast.runs import RunDirectory

    config = classification_configuration(str(directory / "config.toml") if resume else name, settings)
    prepare(min(config.training.devices or available_cores(), config.training.seeds))
    with console.status("reading the data and building the networks"):
        from metaplast.experiments.classification import build

        grid = build(config)
    return grid, RunDirectory.open(directory) if resume else RunDirectory.create(directory)


@contextmanager
def epoch_bar(console: Console) -> Iterator[Callable[["Learned"], None]]:
    """A bar over the epochs of all conditions, and what moves it."""
    text = TextColumn("epochs {task.fields[note]}")
    with Progress(DOING, BarColumn(), MofNCompleteColumn(), text, *LEFT, console=console) as bar:
        task = bar.add_task("compiling", total=None, note="")

        def told(now: "Learned") -> None:
            known = now.accuracy == now.accuracy
            note = f"({now.epoch} of it), {100 * now.accuracy:.1f} % right, {now.speed:,.0f} samples/s" if known else ""
            doing = f"{now.condition}" if known else f"{now.condition}: compiling"
            bar.update(task, description=doing, total=now.total, completed=now.done, note=note)

        yield told


def outcome_table(summary: dict[str, Any]) -> Table:
    """A finished run in one line a condition."""
    headings = ("condition", "seeds", "epochs", "right (%)", "95 % interval", "spikes", "operations", "seconds")
    table = Table(*headings, box=None, header_style="bold")
    for name, numbers in summary["conditions"].items():
        accuracy = numbers["accuracy"]
        bounds = "-" if accuracy["low"] is None else f"{100 * accuracy['low']:.2f} to {100 * accuracy['high']:.2f}"
        table.add_row(
            name,
            str(numbers["seeds"]),
            str(numbers["epochs"]),
            f"{100 * accuracy['mean']:.2f}",
            bounds,
            f"{numbers['spikes']:.0f}",
            f"{numbers['operations']:.0f}",
            f"{numbers['seconds']:.1f}",
        )
    return table
