"""Experiments that have a name, and how a name or a file becomes a configuration."""

from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

from metaplast.config import Table, read_toml, resolve
from metaplast.experiments.settings import OPEN_TABLES, LearningToLearn, complete

NAMES = ("dms", "cd-dms", "gng-dr-2", "gng-dr-4", "association")


def named_path(name: str) -> Path:
    """File of a named experiment."""
    return Path(str(files("metaplast.experiments") / "named" / f"{name}.toml"))


def read(name_or_file: str) -> Table:
    """Table of a named experiment or of a configuration file.

    Raises:
        FileNotFoundError: neither.
    """
    if name_or_file in NAMES:
        return read_toml(named_path(name_or_file))
    if not name_or_file.endswith(".toml"):
        raise FileNotFoundError(f"no experiment {name_or_file!r}; there are: {', '.join(NAMES)}, or give a .toml file")
    return read_toml(Path(name_or_file))


def configuration(name_or_file: str, settings: Sequence[str] = ()) -> LearningToLearn:
    """Resolved configuration of a named experiment or file, with `a.b=value` settings.

    Raises:
        FileNotFoundError: no such experiment or file.
        ValueError: an unknown key, a wrong type or a value out of range.
    """
    return resolve(read(name_or_file), settings, LearningToLearn, complete, OPEN_TABLES)
