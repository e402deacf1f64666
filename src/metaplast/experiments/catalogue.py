"""Experiments that have a name, and how a name or a file becomes a configuration."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path

from metaplast.config import Config, Table, read_toml, resolve
from metaplast.experiments import channel_search_settings, classification_settings, search_settings, sweep_settings
from metaplast.experiments.channel_search_settings import ChannelSearch
from metaplast.experiments.classification_settings import ClassificationSettings
from metaplast.experiments.search_settings import AllocationSearch
from metaplast.experiments.settings import CONDITIONS, OPEN_TABLES, LearningToLearn, complete
from metaplast.experiments.study_settings import StudySettings, expanded
from metaplast.experiments.sweep_settings import RateSweep, with_swept_rate

NAMES = (
    "dms",
    "cd-dms",
    "gng-dr-2",
    "gng-dr-4",
    "gng-dr-8",
    "rotated-digits",
    "rotated-mnist",
    "association",
    "association-rate",
)
CLASSIFICATIONS = (
    "mpsl-digits",
    "mpsl-mnist",
    "mpsl-fashion",
    "mpsl-nmnist",
    "mpsl-cifar10",
    "mpsl-permuted-digits",
    "mpsl-permuted-mnist",
    "mpsl-rotated-mnist",
    "mpsl-few-shot-digits",
)
"""Classification experiments that have a name."""
STUDIES = ("ip2-study",)
"""Studies that have a name: many runs that answer one question together."""


def named_path(name: str) -> Path:
    """File of a named experiment."""
    return Path(str(files("metaplast.experiments") / "named" / f"{name}.toml"))


def read(name_or_file: str) -> Table:
    """Table of a named experiment or of a configuration file.

    Raises:
        FileNotFoundError: neither.
    """
    table = _table(name_or_file)
    if isinstance(table.get("model"), dict):
        table["model"].setdefault("name", "spiking")
    return table


def _table(name_or_file: str) -> Table:
    names = (*NAMES, *CLASSIFICATIONS, *STUDIES)
    if name_or_file in names:
        return read_toml(named_path(name_or_file))
    if not name_or_file.endswith(".toml"):
        raise FileNotFoundError(f"no experiment {name_or_file!r}; there are: {', '.join(names)}, or give a .toml file")
    return read_toml(Path(name_or_file))


def configuration(name_or_file: str, settings: Sequence[str] = ()) -> LearningToLearn:
    """Resolved configuration of a named experiment or file, with `a.b=value` settings.

    Raises:
        FileNotFoundError: no such experiment or file.
        ValueError: an unknown key, a wrong type or a value out of range.
    """
    with naming_models():
        return with_swept_rate(resolve(read(name_or_file), settings, LearningToLearn, complete, OPEN_TABLES))


@contextmanager
def naming_models() -> Iterator[None]:
    """An unknown model is answered by those that there are."""
    try:
        yield
    except ValueError as error:
        if not str(error).startswith("model.name:"):
            raise
        raise ValueError(f"{error}; there are: {', '.join(CONDITIONS)}") from None


def search_configuration(name_or_file: str, settings: Sequence[str] = ()) -> AllocationSearch:
    """Resolved configuration of a search on the family of a named experiment or file.

    Raises:
        FileNotFoundError: no such experiment or file.
        ValueError: an unknown key, a wrong type or a value out of range.
    """
    known = search_settings.complete, search_settings.OPEN_TABLES
    return with_swept_rate(_on_family(name_or_file, settings, AllocationSearch, *known))


def sweep_configuration(name_or_file: str, settings: Sequence[str] = ()) -> RateSweep:
    """Resolved configuration of a sweep over learning rates on the family of a named experiment or file.

    Raises:
        FileNotFoundError: no such experiment or file.
        ValueError: an unknown key, a wrong type or a value out of range.
    """
    return _on_family(name_or_file, settings, RateSweep, complete, sweep_settings.OPEN_TABLES)


def _on_family(
    name_or_file: str,
    settings: Sequence[str],
    kind: type[Config],
    complete: Callable[[Table], Table],
    open_tables: Sequence[str],
) -> Config:
    """Configuration of another kind of experiment on the same family."""
    with naming_models():
        return resolve(_without_kind(name_or_file), settings, kind, complete, open_tables)


def _without_kind(name_or_file: str) -> Table:
    return {key: value for key, value in read(name_or_file).items() if key != "experiment"}


def channel_search_configuration(name_or_file: str, settings: Sequence[str] = ()) -> ChannelSearch:
    """Resolved configuration of a search for channels in a named classification experiment or file.

    Raises:
        FileNotFoundError: no such experiment or file.
        ValueError: an unknown key, a wrong type, a value out of range, or a channel that there is not.
    """
    complete, open_tables = channel_search_settings.complete, channel_search_settings.OPEN_TABLES
    return resolve(_without_kind(name_or_file), settings, ChannelSearch, complete, open_tables)


def kind_of(name_or_file: str) -> str:
    """Kind of experiment that a name or a file describes: "study", "classification", "channel-search" or another.

    Raises:
        FileNotFoundError: neither.
    """
    return str(read(name_or_file).get("experiment", ""))


def classification_configuration(name_or_file: str, settings: Sequence[str] = ()) -> ClassificationSettings:
    """Resolved configuration of a named classification experiment or file.

    Raises:
        FileNotFoundError: no such experiment or file.
        ValueError: an unknown key, a wrong type, a value out of range, or a channel that there is not.
    """
    complete, open_tables = classification_settings.complete, classification_settings.OPEN_TABLES
    return resolve(read(name_or_file), settings, ClassificationSettings, complete, open_tables)


def study_configuration(name_or_file: str, settings: Sequence[str] = ()) -> StudySettings:
    """Resolved configuration of a named study or file, every member of every family written out.

    Raises:
        FileNotFoundError: no such study or file.
        ValueError: an unknown key, a wrong type or a member that does not fit.
    """
    return expanded(resolve(read(name_or_file), settings, StudySettings, lambda table: table, ("settings", "pooled")))
