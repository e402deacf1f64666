"""What a mistake costs at the command line: one clear line, and exit code 2."""

from collections.abc import Iterator
from contextlib import contextmanager

import typer
from rich.console import Console

errors = Console(stderr=True)
MISTAKES = (ValueError, TypeError, OSError, ModuleNotFoundError)
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
