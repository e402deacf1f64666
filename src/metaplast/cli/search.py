"""The commands of the slow level: what should learn, and how fast."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from metaplast.cli.door import MISTAKES, Name, Resume, Settings, at_the_door, configured, console
from metaplast.cli.progress import search_line, sweep_bar, sweep_table

if TYPE_CHECKING:  # JAX is imported late, so that --help answers at once
    from metaplast.experiments.search.session import Searchable
    from metaplast.runs import RunDirectory


def search(
    name: Name,
    set_: Settings = [],  # noqa: B006
    out: Annotated[Path | None, typer.Option(help="Directory to write; default runs/search-NAME.")] = None,
    resume: Resume = False,
) -> None:
    """Find which parameters should learn in a task family, or which channels should act in each layer of a classifier.

    What was found is written to a file, which a run takes as a condition.

    [bold]Examples[/]:

      metaplast search dms

      metaplast search cd-dms --set search.name=exhaustive --set search.problems=60 --out runs/all-eight

      metaplast run dms --set 'conditions.chosen="runs/search-dms/allocation.toml"'

      metaplast search mpsl-digits

      metaplast run mpsl-digits --set 'conditions.searched="runs/search-mpsl-digits/allocation.toml"'
    """
    from metaplast.experiments.catalogue import kind_of

    with at_the_door(*MISTAKES):
        opened = _channels if kind_of(name) in ("classification", "channel-search") else _parameters
        study, place = opened(name, set_, out or Path("runs") / f"search-{Path(name).stem}", resume)
    _search(study, place, resume)


def _parameters(name: str, settings: list[str], directory: Path, resume: bool) -> tuple["Searchable", "RunDirectory"]:
    """A search for what should learn in a task family, and its directory."""
    from metaplast.devices import prepare
    from metaplast.experiments.search.configuration import search_configuration
    from metaplast.runs import RunDirectory

    config, place = configured(name, settings, directory, resume, search_configuration)
    prepare(config.run.devices)
    from metaplast.experiments.search.masks import build

    return build(config), place or RunDirectory.create(directory)


def _channels(name: str, settings: list[str], directory: Path, resume: bool) -> tuple["Searchable", "RunDirectory"]:
    """A search for the channels of each layer of a classifier, and its directory."""
    from metaplast.devices import prepare
    from metaplast.experiments.search.configuration import channel_search_configuration
    from metaplast.runs import RunDirectory

    config, place = configured(name, settings, directory, resume, channel_search_configuration)
    prepare(config.training.devices)
    with console.status("reading the data and building the networks"):
        from metaplast.experiments.search.channels import build

        study = build(config)
    return study, place or RunDirectory.create(directory)


def _search(study: "Searchable", place: "RunDirectory", resume: bool) -> None:
    """Search under a line that tells how far it is."""
    from metaplast.experiments.search.session import ALLOCATION, run_search
    from metaplast.experiments.states import Mismatch

    space = study.space
    with search_line(console, len(space.all())) as told, at_the_door(Mismatch, OSError):
        chosen = run_search(study, place, told, resume=resume)
    free = ", ".join(name for name, digit in zip(space.groups, chosen.name, strict=True) if digit == "1") or "none"
    console.print(f"chosen, of {', '.join(space.groups)}: [bold]{free}[/]")
    if "doubt" in place.summary:
        console.print(f"[yellow]{place.summary['doubt']}[/]")
    elif "margin" in place.summary:
        console.print(place.summary["margin"]["words"])
    console.print(f"\nallocation: [bold]{place.path / ALLOCATION}[/]", soft_wrap=True)


def sweep(
    name: Name,
    set_: Settings = [],  # noqa: B006
    out: Annotated[Path | None, typer.Option(help="Directory to write; default runs/sweep-NAME.")] = None,
    resume: Resume = False,
) -> None:
    """Find the learning rate of every model in a task family, each with the same budget, and write them to a file.

    [bold]Examples[/]:

      metaplast sweep dms

      metaplast sweep cd-dms --set 'sweep.models=["rate","gru","attention-2"]' --set 'sweep.rates=[3e-4,1e-3,3e-3]'

      metaplast sweep cd-dms --resume

      metaplast run cd-dms --set model.name=gru --set 'learning.rate="runs/sweep-cd-dms/sweep.toml"'
    """
    from metaplast.devices import prepare
    from metaplast.experiments.sweep.configuration import sweep_configuration
    from metaplast.runs import RunDirectory

    with at_the_door(*MISTAKES):
        directory = out or Path("runs") / f"sweep-{Path(name).stem}"
        config, place = configured(name, set_, directory, resume, sweep_configuration)
        prepare(config.run.devices)
        from metaplast.experiments.states import Mismatch
        from metaplast.experiments.sweep.rates import build
        from metaplast.experiments.sweep.session import SWEPT, run_sweep

        study = build(config)
        place = place or RunDirectory.create(directory)
    with sweep_bar(console) as told, at_the_door(Mismatch, OSError):
        numbers = run_sweep(study, place, told, resume=resume)
    console.print(sweep_table(numbers))
    console.print(f"\nlearning rates: [bold]{place.path / SWEPT}[/]", soft_wrap=True)
