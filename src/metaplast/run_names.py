"""Names of the files of a run directory that belong to one lane (a condition and a seed), and how a run is called."""

import re
import shlex
from pathlib import Path
from typing import NamedTuple

START, END = "start", "end"


class Moment(NamedTuple):
    """When a network was saved."""

    name: str
    """"start", "after0100" and so on, or "end"."""
    problems: int
    """Problems that it had learned by then."""


def check_condition(name: str) -> None:
    """Refuse a name of a condition that could not be part of a file name.

    Raises:
        ValueError: it is empty or has one of , " / and \\.
    """
    if not re.fullmatch(r'[^,"/\\\r\n]+', name):
        raise ValueError(f'condition {name!r} becomes part of file names; leave out , " / and \\')


def network_name(condition: str, seed: int, moment: str) -> str:
    """Name of the parameters of one lane at a moment, for `write_arrays` and `read_arrays`."""
    return f"networks/{condition}-seed{seed}-{moment}"


def learner_name(condition: str, seed: int, moment: str) -> str:
    """Name of what the learner of one lane carries at a moment, for `write_arrays` and `read_arrays`."""
    return f"learners/{condition}-seed{seed}-{moment}"


def trial_name(condition: str, seed: int) -> str:
    """Name of the recorded trial of one lane, for `write_arrays` and `read_arrays`."""
    return f"trials/{condition}-seed{seed}"


def probe_name(condition: str, seed: int, moment: str) -> str:
    """Name of the recorded probe trials of one lane at a moment, for `write_arrays` and `read_arrays`."""
    return f"probes/{condition}-seed{seed}-{moment}"


def contribution_name(condition: str, seed: int) -> str:
    """Name of what each channel of one lane contributes, for `write_arrays` and `read_arrays`."""
    return f"contributions/{condition}-seed{seed}"


def moment_after(problems: int) -> str:
    """Name of the moment at which so many problems are learned: `after0100`."""
    return f"after{problems:04d}"


def problems_of(moment: str, total: int) -> int | None:
    """Problems learned at a moment of a sequence of `total`; None if it is the name of no moment."""
    found = re.fullmatch(r"after(\d{4,})", moment)
    return int(found[1]) if found else {START: 0, END: total}.get(moment)


def command_to_resume(directory: Path) -> str:
    """The command that goes on with the run in a directory; its own configuration stands for its name."""
    return shlex.join(["metaplast", "run", f"{directory / 'config.toml'}", "--out", f"{directory}", "--resume"])


def swept_model(name: str, heads: int | None = None) -> str:
    """How a sweep calls a kind of network: attention is told by its heads, all others by their names."""
    return name if heads is None else f"attention-{heads}"
