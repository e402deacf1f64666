"""The door of the command line: what a command may be given, and how it refuses what does not fit."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer
from rich.console import Console

if TYPE_CHECKING:  # JAX is imported late, so that --help answers at once
    from msgspec import Struct

    from metaplast.runs import RunDirectory

Kind = TypeVar("Kind", bound="Struct")
console, errors = Console(), Console(stderr=True)
MISTAKES = (ValueError, TypeError, OSError, ModuleNotFoundError)
"""What a configuration, a file or a directory that does not fit raises while it is read and built."""

Name = Annotated[str, typer.Argument(help="A named experiment (metaplast list) or a TOML file.", metavar="NAME|FILE")]
Settings = Annotated[list[str], typer.Option("--set", metavar="KEY=VALUE", help="Change a setting; repeatable.")]
Resume = Annotated[bool, typer.Option("--resume", help="Go on with what is in --out where it stopped.")]


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


def begun(directory: Path, name: str) -> "RunDirectory":
    """The directory of what goes on, under its own name.

    Raises:
        ValueError: another experiment than is there.
        OSError: no such directory or experiment.
    """
    from metaplast.experiments.catalogue import read
    from metaplast.runs import RunDirectory

    place = RunDirectory.open(directory)
    title, asked = place.config.get("title"), read(name).get("title")
    if title != asked:
        raise ValueError(f"{place.path} holds the run {title!r}, not {asked!r}; give its own name, or another --out")
    return place


def configured(
    name: str, settings: list[str], directory: Path, resume: bool, configuration: Callable[[str, list[str]], Kind]
) -> tuple[Kind, "RunDirectory | None"]:
    """The configuration of what begins, or of what goes on as what it was; of the latter also its directory.

    Raises:
        ValueError: a setting that does not fit, or other settings or another experiment than is there.
        OSError: no such directory or experiment.
    """
    if not resume:
        return configuration(name, settings), None
    from metaplast.experiments.resumption import check_resumed

    place, file = begun(directory, name), str(directory / "config.toml")
    check_resumed(settings, lambda given: configuration(file, given))
    return configuration(file, []), place
