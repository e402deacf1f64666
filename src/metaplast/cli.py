"""The command line: list, run, search, analyse and report."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from metaplast.cli_progress import analysis_bars, learning_bar, search_line, summary_table

if TYPE_CHECKING:  # JAX is imported late, so that --help answers at once
    from metaplast.experiments import Study
    from metaplast.experiments.search import SearchStudy
    from metaplast.runs import RunDirectory

app = typer.Typer(
    help="Spiking neural networks whose plasticity is itself learned.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)
console, errors = Console(), Console(stderr=True)
MISTAKES = (ValueError, TypeError, OSError)
"""What a configuration, a file or a directory that does not fit raises while it is read and built."""


@contextmanager
def at_the_door(*mistakes: type[Exception]) -> Iterator[None]:
    """Turn `mistakes` into one clear line and exit code 2; whatever else goes wrong is ours and keeps its traceback."""
    try:
        yield
    except mistakes as error:
        errors.print(f"[bold red]error:[/] {_escaped(str(error))}", soft_wrap=True, highlight=False)
        raise typer.Exit(2) from None


def _escaped(text: str) -> str:
    return text.replace("[", "\\[")


@app.command("list")
def list_experiments() -> None:
    """Show the experiments that have a name.

    [bold]Example[/]: metaplast list
    """
    from metaplast.experiments.catalogue import NAMES, STUDIES, configuration, study_configuration

    table = Table("name", "what it is", "problems", "conditions", box=None, header_style="bold")
    for name in NAMES:
        config = configuration(name)
        table.add_row(name, config.title, str(config.run.problems), ", ".join(config.conditions))
    for name in STUDIES:
        plan = study_configuration(name)
        table.add_row(name, plan.title, "", f"a study of {len(plan.plan)} members")
    console.print(table)
    console.print("\nTry one in seconds: [bold]metaplast run dms --set preset=smoke[/]")


@app.command()
def run(
    name: Annotated[
        str, typer.Argument(help="A named experiment (metaplast list) or a TOML file.", metavar="NAME|FILE")
    ],
    set_: Annotated[list[str], typer.Option("--set", metavar="KEY=VALUE", help="Change a setting; repeatable.")] = [],  # noqa: B006
    seed: Annotated[int | None, typer.Option(help="First seed; short for --set run.seed=N.", min=0)] = None,
    out: Annotated[Path | None, typer.Option(help="Run directory to write; default runs/NAME.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run in --out where it stopped.")] = False,
) -> None:
    """Run an experiment into a run directory, with its figures and its report.

    [bold]Examples[/]:

      metaplast run dms --set preset=smoke

      metaplast run cd-dms --set run.problems=400 --set run.seeds=3 --out runs/cd-dms-3

      metaplast run runs/cd-dms-3/config.toml --out runs/again

      metaplast run dms --out runs/dms --resume

      metaplast run ip2-study --set 'members=["cd-dms*"]' --out runs/study
    """
    from metaplast.devices import available_cores, prepare
    from metaplast.experiments.catalogue import configuration, is_study
    from metaplast.runs import RunDirectory

    with at_the_door(*MISTAKES):
        directory = out or Path("runs") / Path(name).stem
        settings = [*set_, *([f"run.seed={seed}"] if seed is not None else [])]
        study_of_many = is_study(name)
    if study_of_many:
        return _run_members(name, settings, directory, resume)
    with at_the_door(*MISTAKES):
        if resume:
            place = RunDirectory.open(directory)
            _check_resumable(place, name, settings)
            name = str(directory / "config.toml")
        config = configuration(name, settings)
        lanes = len(config.conditions) * config.run.seeds
        prepare(min(config.run.devices or available_cores(), lanes))
        with console.status("building the networks"):
            from metaplast.experiments.learning_to_learn import build

            study = build(config, place if resume else None)
        if not resume:
            place = RunDirectory.create(directory)
    _run(study, place, resume)


def _check_resumable(place: "RunDirectory", name: str, settings: list[str]) -> None:
    """A run goes on as what it was: with its own settings, under its own name."""
    from metaplast.experiments.catalogue import read

    if settings:
        raise ValueError("--resume takes the settings of the run; leave out --set and --seed")
    title, asked = place.config.get("title"), read(name).get("title")
    if title != asked:
        raise ValueError(f"{place.path} holds the run {title!r}, not {asked!r}; give its own name, or another --out")


def _run(study: "Study", place: "RunDirectory", resume: bool) -> None:
    """Run with a progress bar, then draw, report and show what came out."""
    from metaplast.experiments.session import run as run_study
    from metaplast.experiments.states import Mismatch
    from metaplast.report import write_report

    with learning_bar(console, len(study.lanes)) as told, at_the_door(Mismatch, OSError):
        run_study(study, place, told, resume=resume)
    with console.status("drawing the figures"), at_the_door(OSError):
        page = write_report([place])
    console.print(summary_table(place.summary))
    console.print(f"\nreport: [bold]{page}[/]", soft_wrap=True)


def _run_members(name: str, settings: list[str], directory: Path, resume: bool) -> None:
    """Run the members of a study one after the other, then write its report."""
    from metaplast.cli_study import study_bar
    from metaplast.devices import prepare
    from metaplast.experiments.states import Mismatch
    from metaplast.experiments.study import open_study, run_study
    from metaplast.report import write_study_report

    with at_the_door(*MISTAKES):
        plan, place = open_study(name, settings, directory, resume)
        prepare()
    with study_bar(console) as told, at_the_door(Mismatch, OSError):
        run_study(plan, place, told)
    with console.status("drawing the figures"), at_the_door(OSError):
        (page,) = write_study_report(place)
    console.print(f"\nreport: [bold]{page}[/]", soft_wrap=True)


@app.command()
def search(
    name: Annotated[
        str, typer.Argument(help="A named experiment (metaplast list) or a TOML file.", metavar="NAME|FILE")
    ],
    set_: Annotated[list[str], typer.Option("--set", metavar="KEY=VALUE", help="Change a setting; repeatable.")] = [],  # noqa: B006
    out: Annotated[Path | None, typer.Option(help="Directory to write; default runs/search-NAME.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the search in --out.")] = False,
) -> None:
    """Find which parameters should learn in a task family, and write the allocation to a file.

    [bold]Examples[/]:

      metaplast search dms

      metaplast search cd-dms --set search.name=exhaustive --set search.problems=60 --out runs/all-eight

      metaplast run dms --set 'conditions.chosen="runs/search-dms/allocation.toml"'
    """
    from metaplast.devices import prepare
    from metaplast.experiments.catalogue import search_configuration
    from metaplast.runs import RunDirectory

    with at_the_door(*MISTAKES):
        directory = out or Path("runs") / f"search-{Path(name).stem}"
        if resume:
            place = RunDirectory.open(directory)
            _check_resumable(place, name, set_)
            name = str(directory / "config.toml")
        config = search_configuration(name, set_)
        prepare(config.run.devices)
        from metaplast.experiments.search import build

        study = build(config)
        if not resume:
            place = RunDirectory.create(directory)
    _search(study, place, resume)


def _search(study: "SearchStudy", place: "RunDirectory", resume: bool) -> None:
    """Search under a line that tells how far it is."""
    from metaplast.experiments.search_session import ALLOCATION, run_search
    from metaplast.experiments.states import Mismatch

    space = study.space
    with search_line(console, len(space.all())) as told, at_the_door(Mismatch, OSError):
        chosen = run_search(study, place, told, resume=resume)
    free = ", ".join(name for name, digit in zip(space.groups, chosen.name, strict=True) if digit == "1") or "none"
    console.print(f"learnable, of {', '.join(space.groups)}: [bold]{free}[/]")
    console.print(f"\nallocation: [bold]{place.path / ALLOCATION}[/]", soft_wrap=True)


@app.command()
def analyse(
    directory: Annotated[Path, typer.Argument(help="Directory of a finished run.", metavar="DIR")],
    lesions: Annotated[
        bool, typer.Option("--lesions", help="Also silence groups of neurons and learn on without them.")
    ] = False,
    set_: Annotated[list[str], typer.Option("--set", metavar="KEY=VALUE", help="Change a setting analysis.*.")] = [],  # noqa: B006
) -> None:
    """Run the saved networks of a finished run once more: probe trials, and what lesions cost.

    What is there already is not made again, so an analysis that was killed goes on.

    [bold]Examples[/]:

      metaplast analyse runs/dms --lesions --set analysis.bins=4
    """
    from metaplast.devices import available_cores, prepare
    from metaplast.experiments.analysis_session import analyse as analyse_run
    from metaplast.experiments.analysis_session import analysis_configuration
    from metaplast.experiments.learning_to_learn import build
    from metaplast.experiments.lesions import check_lesions
    from metaplast.experiments.states import Mismatch
    from metaplast.report import write_report
    from metaplast.runs import RunDirectory

    with at_the_door(*MISTAKES):
        place = RunDirectory.open(directory)
        config = analysis_configuration(place, set_)
        prepare(config.run.devices or available_cores())
        with console.status("building the networks"):
            study = build(config, place)
        if lesions:
            check_lesions(study, place)
    with analysis_bars(console) as told, at_the_door(Mismatch, OSError):
        analyse_run(study, place, told, lesions=lesions)
    with console.status("drawing the figures"), at_the_door(OSError):
        page = write_report([place])
    console.print(f"report: [bold]{page}[/]", soft_wrap=True)


@app.command()
def report(
    directories: Annotated[
        list[Path], typer.Argument(help="Runs (several are compared) or a study.", metavar="DIR...")
    ],
    out: Annotated[Path | None, typer.Option(help="Page to write; default report.html in the first directory.")] = None,
    markdown: Annotated[Path | None, typer.Option(help="Of a study: also a text, its pictures beside it.")] = None,
) -> None:
    """Draw the figures of runs again and write the report.

    [bold]Examples[/]:

      metaplast report runs/dms

      metaplast report runs/dms runs/cd-dms --out comparison.html

      metaplast report runs/ip2-study --markdown docs/studies/ip2.md
    """
    from metaplast.report import check_reportable, write_pages
    from metaplast.runs import RunDirectory

    with at_the_door(*MISTAKES):
        places = [RunDirectory.open(directory) for directory in directories]
        check_reportable(places, markdown)
    with console.status("drawing the figures"), at_the_door(OSError):
        pages = write_pages(places, out, markdown)
    for page in pages:
        console.print(f"report: [bold]{page}[/]", soft_wrap=True)


def main() -> None:
    """Entry point of the `metaplast` command."""
    app()
