"""Calling the command line in tests, and what a refusal looks like."""

import jax
from typer.testing import CliRunner, Result

from metaplast.cli import app


def call(*arguments: object) -> Result:
    """In this process: JAX has started, so its devices stay as they are."""
    assert jax.device_count() >= 1
    return CliRunner().invoke(app, [str(argument) for argument in arguments], env={"COLUMNS": "200", "TERM": "dumb"})


def settings(*values: str) -> list[str]:
    return [word for value in values for word in ("--set", value)]


def refused(result: Result, *words: str) -> None:
    assert result.exit_code == 2, f"{result.exit_code}: {result.output} {result.exception!r}"
    lines = result.stderr.strip().splitlines()
    assert len(lines) in (1, 2), result.stderr
    assert lines[0].startswith("error: ")
    assert "Traceback" not in result.output
    for word in words:
        assert word in result.stderr
