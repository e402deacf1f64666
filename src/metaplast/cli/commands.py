"""The commands run, analyse and report, and beside them what `search` and `listing` have."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from metaplast.cli.door import MISTAKES, Name, Resume, Settings, at_the_door, configured, console
from metaplast.cli.interruption import stop_at_once
from metaplast.cli.listing import show_experiments
from metaplast.cli.progress import analysis_bars, learning_bar, summary_table
from metaplast.cli.search import search, sweep

if TYPE_CHECKING:  # JAX is imported late, so that --help answers at once
    from metaplast.experiments import Study
    from metaplast.runs import RunDirectory

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)


def _tell_version(asked: bool) -> None:
    if asked:
        from metaplast.provenance import package_version

        console.print(f"metaplast {package_version('metaplast')}", highlight=False)
        raise typer.Exit


@app.callback()
def of_every_command(
    version: Annotated[
        bool, typer.Option("--version", callback=_tell_version, is_eager=True, help="Show the version and stop.")
    ] = False,
) -> None:
    """Spiking neural networks whose plasticity is itself learned."""


AnalysisSettings = Annotated[
    list[str],
    typer.Option(
        "--set", metavar="KEY=VALUE", help="Change a setting analysis.*, or of a classification robustness.*."
    ),
]

app.command()(search)
app.command()(sweep)


@app.command("list")
def list_experiments() -> None:
    """Show the experiments that have a name.

    [bold]Example[/]: metaplast list
    """
    show_experiments(console)
    console.print("\nTry one in seconds: [bold]metaplast run dms --set preset=smoke[/]")


@app.command()
def run(
    name: Name,
    set_: Settings = [],  # noqa: B006
    seed: Annotated[int | None, typer.Option(help="First seed; short for --set run.seed=N.", min=0)] = None,
    out: Annotated[Path | None, typer.Option(help="Run directory to write; default runs/NAME.")] = None,
    resume: Resume = False,
) -> None:
    """Run an experiment into a run directory, with its figures and its report.

    [bold]Examples[/]:

      metaplast run dms --set preset=smoke

      metaplast run cd-dms --set run.problems=400 --set run.seeds=3 --out runs/cd-dms-3

      metaplast run runs/cd-dms-3/config.toml --out runs/again

      metaplast run dms --out runs/dms --resume

      metaplast run mpsl-digits

      metaplast run ip2-study --set 'members=["cd-dms*"]' --out runs/study
    """
    from metaplast.cli.classification import run_classification
    from metaplast.devices import available_cores, prepare
    from metaplast.experiments.catalogue import kind_of
    from metaplast.experiments.learning_to_learn.configuration import configuration
    from metaplast.runs import RunDirectory

    with at_the_door(*MISTAKES):
        directory = out or Path("runs") / Path(name).stem
        kind = kind_of(name)
        first_seed = "training.seed" if kind == "classification" else "run.seed"
        settings = [*set_, *([f"{first_seed}={seed}"] if seed is not None else [])]
    if kind == "study":
        return _run_members(name, settings, directory, resume)
    if kind == "classification":
        return run_classification(name, settings, directory, resume, console)
    with at_the_door(*MISTAKES):
        config, place = configured(name, settings, directory, resume, configuration)
        lanes = len(config.conditions) * config.run.seeds
        prepare(min(config.run.devices or available_cores(), lanes))
        with console.status("building the networks"):
            from metaplast.experiments.learning_to_learn.experiment import build

            study = build(config, place)
        place = place or RunDirectory.create(directory)
    _run(study, place, resume)


def _run(study: "Study", place: "RunDirectory", resume: bool) -> None:
    """Run with a progress bar, then draw, report and show what came out."""
    from metaplast.experiments.learning_to_learn.session import run as run_study
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
    from metaplast.cli.study import study_bar
    from metaplast.devices import prepare
    from metaplast.experiments.states import Mismatch
    from metaplast.experiments.study.session import open_study, run_study
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
def analyse(
    directory: Annotated[Path, typer.Argument(help="Directory of a finished run.", metavar="DIR")],
    lesions: Annotated[
        bool, typer.Option("--lesions", help="Also silence groups of neurons and learn on without them.")
    ] = False,
    within: Annotated[
        bool, typer.Option("--within", help="Also learn some problems again, and write down every update.")
    ] = False,
    set_: AnalysisSettings = [],  # noqa: B006
) -> None:
    """Run the saved networks of a finished run once more: probe trials, lesions, and the loss within problems.

    Those of a classification are disturbed.

    What is there already is not made again, so an analysis that was killed goes on.

    [bold]Examples[/]:

      metaplast analyse runs/dms --lesions --set analysis.bins=4

      metaplast analyse runs/dms --within --set 'analysis.within=[0,100]'

      metaplast analyse runs/mpsl-digits --set robustness.merged=true
    """
    from metaplast.cli.classification import analyse_classification, is_classification

    if is_classification(directory):
        analyse_classification(directory, lesions, within, set_, console)
    else:
        _analyse_learning(directory, lesions, within, set_)


def _analyse_learning(directory: Path, lesions: bool, within: bool, settings: list[str]) -> None:
    """Probe the networks of a run that learned to learn, then write its report again."""
    from metaplast.devices import available_cores, prepare
    from metaplast.experiments.learning_to_learn.analysis_session import analyse as analyse_run
    from metaplast.experiments.learning_to_learn.analysis_session import analysis_configuration
    from metaplast.experiments.learning_to_learn.experiment import build
    from metaplast.experiments.learning_to_learn.lesions import check_lesions
    from metaplast.experiments.learning_to_learn.within import check_within
    from metaplast.experiments.states import Mismatch
    from metaplast.report import write_report
    from metaplast.runs import RunDirectory

    with at_the_door(*MISTAKES):
        place = RunDirectory.open(directory)
        config = analysis_configuration(place, settings)
        prepare(config.run.devices or available_cores())
        with console.status("building the networks"):
            study = build(config, place)
        if lesions:
            check_lesions(study, place)
        if within:
            check_within(study, place)
    with analysis_bars(console) as told, at_the_door(Mismatch, OSError):
        analyse_run(study, place, told, lesions=lesions, within=within)
    with console.status("drawing the figures"), at_the_door(OSError):
        page = write_report([place])
    console.print(f"report: [bold]{page}[/]", soft_wrap=True)


@app.command()
def report(
    directories: Annotated[
        list[Path], typer.Argument(help="Runs (several are compared) or a study.", metavar="DIR...")
    ],
    out: Annotated[Path | None, typer.Option(help="Page to write; default report.html in the first directory.")] = None,
    markdown: Annotated[Path | None, typer.Option(help="Of a study or classifications: also a text.")] = None,
    pdf: Annotated[bool, typer.Option("--pdf", help="Every figure of a run also as PDF, for print.")] = False,
) -> None:
    """Draw the figures of runs again and write the report.

    [bold]Examples[/]:

      metaplast report runs/dms

      metaplast report runs/dms runs/cd-dms --out comparison.html

      metaplast report runs/dms --pdf

      metaplast report runs/ip2-study --markdown docs/studies/ip2.md
    """
    from metaplast.report import check_reportable, write_pages, write_vectors
    from metaplast.runs import RunDirectory

    with at_the_door(*MISTAKES):
        places = [RunDirectory.open(directory) for directory in directories]
        check_reportable(places, markdown, pdf)
    with console.status("drawing the figures"), at_the_door(OSError):
        pages = write_pages(places, out, markdown)
        vectors = write_vectors(places) if pdf else []
    if vectors:
        folders = ", ".join(sorted({str(path.parent) for path in vectors}))
        console.print(f"{len(vectors)} figures as PDF: {folders}", soft_wrap=True)
    for page in pages:
        console.print(f"report: [bold]{page}[/]", soft_wrap=True)


def main() -> None:
    """Entry point of the `metaplast` command."""
    stop_at_once(sys.argv[1:])
    app()
