"""`metaplast run` and `metaplast analyse` of a classification experiment."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
from rich.table import Table

from metaplast.cli.bar import Times, progress
from metaplast.cli.door import MISTAKES, at_the_door, configured
from metaplast.cli.progress import DOING, analysis_bars

if TYPE_CHECKING:  # JAX is imported late, so that --help answers at once
    from metaplast.experiments.classification.experiment import Grid
    from metaplast.experiments.classification.session import Progress as Learned
    from metaplast.runs import RunDirectory


def run_classification(name: str, settings: list[str], directory: Path, resume: bool, console: Console) -> None:
    """Learn to classify under all conditions, then write the report."""
    with at_the_door(*MISTAKES):
        grid, place = _opened(name, settings, directory, resume, console)
    from metaplast.experiments.classification.session import run
    from metaplast.experiments.states import Mismatch
    from metaplast.report import write_pages

    with epoch_bar(console) as told, at_the_door(Mismatch, OSError):
        run(grid, place, told, resume=resume)
    with console.status("drawing the figures"), at_the_door(OSError):
        (page,) = write_pages([place])
    console.print(outcome_table(place.summary, place.config["conditions"]))
    console.print(f"\nreport: [bold]{page}[/]", soft_wrap=True)


def _opened(
    name: str, settings: list[str], directory: Path, resume: bool, console: Console
) -> tuple["Grid", "RunDirectory"]:
    """What a configuration describes, and the directory into which it is run."""
    from metaplast.devices import available_cores, prepare
    from metaplast.experiments.classification.configuration import classification_configuration
    from metaplast.runs import RunDirectory

    config, place = configured(name, settings, directory, resume, classification_configuration)
    prepare(min(config.training.devices or available_cores(), config.training.seeds))
    with console.status("reading the data and building the networks"):
        from metaplast.experiments.classification.experiment import build

        grid = build(config)
    return grid, place or RunDirectory.create(directory)


def is_classification(directory: Path) -> bool:
    """Whether a directory is that of a classification run."""
    from metaplast.runs import RunDirectory

    with at_the_door(*MISTAKES):
        return RunDirectory.open(directory).config.get("experiment") == "classification"


def analyse_classification(directory: Path, lesions: bool, within: bool, settings: list[str], console: Console) -> None:
    """Disturb the networks of a finished run, then write its report again."""
    from metaplast.report import write_pages

    with at_the_door(*MISTAKES):
        if lesions:
            raise ValueError("--lesions belongs to learning to learn; here lost cells are among the disturbances")
        if within:
            raise ValueError("--within belongs to learning to learn; leave it out")
        grid, place = _finished(directory, settings, console)
    from metaplast.experiments.classification.robustness import measure_robustness
    from metaplast.experiments.states import Mismatch

    with analysis_bars(console) as told, at_the_door(Mismatch, OSError):
        measure_robustness(grid, place, told)
    with console.status("drawing the figures"), at_the_door(OSError):
        (page,) = write_pages([place])
    console.print(f"report: [bold]{page}[/]", soft_wrap=True)


def _finished(directory: Path, settings: list[str], console: Console) -> tuple["Grid", "RunDirectory"]:
    """A finished run, built once more, with settings robustness.*."""
    from metaplast.devices import prepare
    from metaplast.experiments.classification.configuration import classification_configuration
    from metaplast.run_names import command_to_resume
    from metaplast.runs import RunDirectory

    for setting in settings:
        if not setting.startswith("robustness."):
            raise ValueError(f"--set {setting}: here only robustness.* can be changed")
    place = RunDirectory.open(directory)
    if not place.summary:
        raise ValueError(f"{place.path} has not finished; go on with: {command_to_resume(place.path)}")
    config = classification_configuration(str(directory / "config.toml"), settings)
    if config.continual.kind != "none":
        raise ValueError(f"{place.path} learned several tasks; disturbances are measured of runs with a single one")
    prepare(1)
    from metaplast.experiments.classification.robustness import check_merged, check_robustness

    check_robustness(config, place)
    with console.status("reading the data and building the networks"):
        from metaplast.experiments.classification.experiment import build

        grid = build(config)
        check_merged(grid)
    return grid, place


@contextmanager
def epoch_bar(console: Console) -> Iterator[Callable[["Learned"], None]]:
    """A bar over the epochs of all conditions, and what moves it."""
    text = TextColumn("epochs {task.fields[note]}")
    with progress(console, DOING, BarColumn(), MofNCompleteColumn(), text, Times()) as bar:
        task = bar.add_task("compiling", total=None, note="")

        def told(now: "Learned") -> None:
            known = now.accuracy == now.accuracy
            note = f"({now.epoch} of it), {100 * now.accuracy:.1f} % right, {now.speed:,.0f} samples/s" if known else ""
            doing = f"{now.condition}" if known else f"{now.condition}: compiling"
            bar.update(task, description=doing, total=now.total, completed=now.done, note=note)

        yield told


def outcome_table(summary: dict[str, Any], order: Iterable[str]) -> Table:
    """A finished run in one line a condition."""
    broke = any(numbers.get("broken") for numbers in summary["conditions"].values())
    headings = ("condition", "seeds", "right (%)", "95 % interval", "spikes", "operations", "seconds")
    table = Table(*headings, *["broken"] * broke, box=None, header_style="bold")
    for name in order:
        numbers = summary["conditions"][name]
        accuracy = numbers["accuracy"]
        bounds = "-" if accuracy["low"] is None else f"{100 * accuracy['low']:.2f} to {100 * accuracy['high']:.2f}"
        table.add_row(
            name,
            str(numbers["seeds"]),
            f"{100 * accuracy['mean']:.2f}",
            bounds,
            f"{numbers['spikes']:.0f}",
            f"{numbers['operations']:.0f}",
            f"{numbers['seconds']:.1f}",
            *[str(numbers.get("broken", 0))] * broke,
        )
    return table
