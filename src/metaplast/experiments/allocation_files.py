"""The files that searches write and runs take as conditions."""

from pathlib import Path
from typing import Any

from metaplast.config import read_toml

PATTERNS, CONDITION = "patterns", "condition"
"""What a run takes of the file: in learning to learn globs over parameters, in classification a whole condition."""
NEEDED = {
    PATTERNS: "list `patterns`; give a file of `metaplast search` on a task family",
    CONDITION: "table `condition`; give a file of `metaplast search` on a classification experiment",
}


def searched(name: str, file: str, key: str, kind: type) -> Any:
    """What the file holds under `key`, so that the run that has it as condition `name` depends on no other file.

    Raises:
        FileNotFoundError: no such file.
        ValueError: a file that holds something else.
    """
    if not Path(file).is_file():
        raise FileNotFoundError(f"conditions.{name}: no file {file}; `metaplast search` writes an allocation")
    found = read_toml(Path(file)).get(key)
    if found is None or not isinstance(found, kind) or not all(isinstance(one, str) for one in found):
        raise ValueError(f"conditions.{name}: {file} has no {NEEDED[key]}")
    return found
