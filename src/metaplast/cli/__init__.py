"""The command line: `commands` has run, analyse and report, `search` and `listing` the others."""

from metaplast.cli.commands import app, main

__all__ = ["app", "main"]
