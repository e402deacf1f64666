"""Experiments that have a name, and the table that a name or a file stands for."""

from importlib.resources import files
from pathlib import Path

from metaplast.config import Table, read_toml

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
    "mpsl-mnist-conv",
    "mpsl-fashion",
    "mpsl-nmnist",
    "mpsl-digits-events",
    "mpsl-cifar10",
    "mpsl-permuted-digits",
    "mpsl-permuted-mnist",
    "mpsl-rotated-mnist",
    "mpsl-few-shot-digits",
)
"""Classification experiments that have a name."""
STUDIES = ("ip2-study",)
"""Studies that have a name: many runs that answer one question together."""
SECTIONS = {
    "classification": ("data", "network", "training", "continual", "few_shot", "channels", "robustness"),
    "study": ("plan",),
}
"""Sections that only one kind of experiment has."""


def named_path(name: str) -> Path:
    """File of a named experiment."""
    return Path(str(files("metaplast.experiments") / "named" / f"{name}.toml"))


def read(name_or_file: str) -> Table:
    """Table of a named experiment or of a configuration file.

    Raises:
        FileNotFoundError: neither.
        ValueError: a file that does not say of what kind it is, although its sections are of another than it would be.
    """
    table = _table(name_or_file)
    for kind, sections in SECTIONS.items() if "experiment" not in table else ():
        if found := [section for section in sections if section in table]:
            raise ValueError(
                f'{name_or_file}: section {found[0]!r} belongs to experiment = "{kind}"; write that line at the top'
            )
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


def kind_of(name_or_file: str) -> str:
    """Kind of experiment that a name or a file describes: "study", "classification", "channel-search" or another.

    Raises:
        FileNotFoundError: neither.
        ValueError: as `read`.
    """
    return str(read(name_or_file).get("experiment", ""))


def without_kind(name_or_file: str) -> Table:
    """What an experiment describes, for another kind of experiment on the same."""
    return {key: value for key, value in read(name_or_file).items() if key != "experiment"}
