"""A run directory: the only place where results are written to disk, and where every analysis starts.

    config.toml                                       the resolved configuration
    meta.json                                         provenance, device, seed, times
    problems.csv                                      one row a learned problem
    summary.json                                      what came out, in a few numbers
    networks/<condition>-seed<seed>-<start|end>.npz   parameters by dotted path, time constants in ms
    trials/<condition>-seed<seed>.npz                 one trial recorded after learning
    figures/*.png, report.html
"""

import io
import json
import math
import os
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
import tomli_w

from metaplast.problems import ProblemRow, ProblemTable, complete_lines, header, parse_rows, row_line


def write_atomically(path: Path, content: bytes) -> Path:
    """Put `content` at `path` whole or not at all: a killed run leaves the old file, never half of the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        with partial.open("wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)
    return path


def plain(value: Any) -> Any:
    """`value` in the words of JSON: arrays become lists, named tuples dictionaries, and NaN and infinities null."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if hasattr(value, "_asdict"):
        return plain(value._asdict())
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    if isinstance(value, tuple | list):
        return [plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


@dataclass(frozen=True)
class RunDirectory:
    """One run on disk. Make it with `create` for a new run and `open` for one that exists."""

    path: Path

    @classmethod
    def create(cls, path: str | os.PathLike[str]) -> Self:
        """A new, empty run directory.

        Raises:
            FileExistsError: something is there already.
        """
        path = Path(path)
        if path.exists() and (not path.is_dir() or any(path.iterdir())):
            raise FileExistsError(f"{path} exists and is not empty; give another --out, or --resume to continue it")
        path.mkdir(parents=True, exist_ok=True)
        return cls(path)

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> Self:
        """The run directory at `path`.

        Raises:
            FileNotFoundError: there is no such directory.
            ValueError: it holds no config.toml, so it is not a run directory.
        """
        path = Path(path)
        if not path.is_dir():
            raise FileNotFoundError(f"{path} is not a directory; give the --out of a run")
        if not (path / "config.toml").is_file():
            raise ValueError(f"{path} is not a run directory: it has no config.toml; give the --out of a run")
        return cls(path)

    @property
    def name(self) -> str:
        """Last part of the path."""
        return self.path.resolve().name

    @property
    def config(self) -> dict[str, Any]:
        """The resolved configuration."""
        return tomllib.loads((self.path / "config.toml").read_text(encoding="utf-8"))

    @property
    def meta(self) -> dict[str, Any]:
        """Provenance and times; empty before `write_meta`."""
        return self._read_json("meta.json")

    @property
    def summary(self) -> dict[str, Any]:
        """Outcome of the run; empty before `write_summary`."""
        return self._read_json("summary.json")

    @property
    def figures(self) -> Path:
        """Folder of the figures, which need not exist yet."""
        return self.path / "figures"

    def write_config(self, config: Mapping[str, Any]) -> Path:
        """Write config.toml.

        Raises:
            TypeError: a value that TOML cannot say, such as None.
        """
        return write_atomically(self.path / "config.toml", tomli_w.dumps(config).encode())

    def write_meta(self, meta: Mapping[str, Any]) -> Path:
        return self._write_json("meta.json", meta)

    def write_summary(self, summary: Mapping[str, Any]) -> Path:
        return self._write_json("summary.json", summary)

    def write_arrays(self, name: str, arrays: Mapping[str, Any]) -> Path:
        """Write `<name>.npz`, e.g. `run.write_arrays(network_name("fixed", 0, "end"), parameters)`.

        Raises:
            ValueError: an array of objects, which only pickle could store.
        """
        values = {key: np.asarray(value) for key, value in arrays.items()}
        for key, value in values.items():
            if value.dtype.hasobject:
                raise ValueError(f"{name}: array {key!r} holds Python objects; expected numbers, booleans or text")
        buffer = io.BytesIO()
        np.savez_compressed(buffer, **values)  # pyright: ignore[reportArgumentType]
        return write_atomically(self._array_path(name), buffer.getvalue())

    def has_arrays(self, name: str) -> bool:
        """Whether `<name>.npz` was written."""
        return self._array_path(name).is_file()

    def read_arrays(self, name: str) -> dict[str, np.ndarray]:
        """Arrays of `<name>.npz`.

        Raises:
            FileNotFoundError: it was not written.
        """
        with np.load(self._array_path(name), allow_pickle=False) as archive:
            return {key: archive[key] for key in archive.files}

    def append_problems(self, rows: Iterable[ProblemRow]) -> None:
        """Add rows to problems.csv and wait until they are on the disk.

        Raises:
            ValueError: a condition whose name is not fit for a file name.
        """
        lines = "".join(row_line(row) for row in rows)
        path = self.path / "problems.csv"
        with path.open("ab+") as stream:
            stream.seek(0)
            # A run killed while it wrote leaves half a line, to which the next row would be glued.
            complete = len(complete_lines(stream.read()))
            stream.truncate(complete)
            stream.write(((header() if complete == 0 else "") + lines).encode())
            stream.flush()
            os.fsync(stream.fileno())

    def truncate_problems(self, keep: Callable[[ProblemRow], bool]) -> None:
        """Keep only the rows for which `keep` is true, as a resumed run does with those after its checkpoint."""
        kept = "".join(row_line(row) for row in self._rows() if keep(row))
        write_atomically(self.path / "problems.csv", (header() + kept).encode())

    def problems(self) -> ProblemTable:
        """All rows of problems.csv, a half-written last line left out; empty before the first `append_problems`."""
        return ProblemTable.from_rows(self._rows())

    def _rows(self) -> list[ProblemRow]:
        path = self.path / "problems.csv"
        return parse_rows(path.read_bytes()) if path.is_file() else []

    def _array_path(self, name: str) -> Path:
        return self.path / f"{name}.npz"

    def _read_json(self, name: str) -> dict[str, Any]:
        path = self.path / name
        return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}

    def _write_json(self, name: str, content: Mapping[str, Any]) -> Path:
        text = json.dumps(plain(content), indent=2, sort_keys=True, allow_nan=False)
        return write_atomically(self.path / name, f"{text}\n".encode())


def network_name(condition: str, seed: int, moment: Literal["start", "end"]) -> str:
    """Name of the parameters of one lane, for `write_arrays` and `read_arrays`."""
    return f"networks/{condition}-seed{seed}-{moment}"


def trial_name(condition: str, seed: int) -> str:
    """Name of the recorded trial of one lane, for `write_arrays` and `read_arrays`."""
    return f"trials/{condition}-seed{seed}"
