"""A run directory: the only place where results are written to disk, and where every analysis starts.

config.toml                                       the resolved configuration
meta.json                                         provenance, device, seed, times
problems.csv                                      one row a learned problem
summary.json                                      what came out, in a few numbers
networks/<condition>-seed<seed>-<moment>.npz      parameters by dotted path, time constants in ms, delays in steps
trials/<condition>-seed<seed>.npz                 one trial recorded after learning
probes/<condition>-seed<seed>-<moment>.npz        many trials recorded afterwards, by `metaplast analyse`
analysis.toml, lesions.csv                        its settings, and what lesions cost
epochs.csv, robustness.csv, events/               of a classification run: epochs, disturbances, and for TensorBoard
robustness-merged.csv                             disturbances of channels that were summed into one synapse
pilot.csv                                         of a search for channels: one row an epoch of a pilot network
analysis/sequence.csv                             of tasks learned one after the other: the accuracy matrix
contributions/<condition>-seed<seed>.npz          what each of its channels contributes
figures/*.png, report.html

A moment is "start", "after0100" (problems learned) and so on, or "end".
"""

import io
import json
import math
import os
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np
import tomli_w

from metaplast.run_names import Moment, check_condition, network_name, problems_of
from metaplast.run_names import trial_name as trial_name


class ProblemRow(NamedTuple):
    """One learned problem: a line of problems.csv."""

    condition: str
    seed: int
    problem: int
    """Index in the sequence of problems, from 0."""
    updates: int
    loss: float
    accuracy: float
    solved: bool
    firing_rate_hz: float

    def line(self) -> str:
        """The row as text, the same bytes on every machine: floats as the shortest text of their float32.

        Raises:
            ValueError: a condition that could not be part of a file name.
        """
        check_condition(self.condition)
        loss, accuracy, rate = (str(np.float32(value)) for value in (self.loss, self.accuracy, self.firing_rate_hz))
        counts = f"{int(self.seed)},{int(self.problem)},{int(self.updates)}"
        return f"{self.condition},{counts},{loss},{accuracy},{'true' if self.solved else 'false'},{rate}\n"

    @classmethod
    def parse(cls, line: str) -> Self:
        """Inverse of `line`."""
        condition, seed, problem, updates, loss, accuracy, solved, rate = line.rstrip("\n").split(",")
        counts = int(seed), int(problem), int(updates)
        return cls(condition, *counts, float(loss), float(accuracy), solved == "true", float(rate))


HEADER = ",".join(ProblemRow._fields) + "\n"


@dataclass(frozen=True)
class ProblemTable:
    """Learned problems as columns of equal length."""

    condition: np.ndarray
    seed: np.ndarray
    problem: np.ndarray
    updates: np.ndarray
    loss: np.ndarray
    accuracy: np.ndarray
    solved: np.ndarray
    firing_rate_hz: np.ndarray

    @classmethod
    def from_rows(cls, rows: list[ProblemRow]) -> Self:
        columns = zip(*rows, strict=True) if rows else [()] * len(ProblemRow._fields)
        kinds = (np.str_, np.int64, np.int64, np.int64, np.float32, np.float32, np.bool_, np.float32)
        return cls(*(np.array(column, kind) for column, kind in zip(columns, kinds, strict=True)))

    def __len__(self) -> int:
        return len(self.problem)

    def select(self, rows: np.ndarray) -> Self:
        """The rows given by a mask or by indices."""
        return type(self)(*(getattr(self, field.name)[rows] for field in fields(self)))

    def conditions(self) -> list[str]:
        """Names of the conditions, in the order in which they first appear."""
        return list(dict.fromkeys(self.condition.tolist()))

    def seeds(self, condition: str) -> list[int]:
        """Seeds of one condition, in ascending order."""
        return sorted(set(self.seed[self.condition == condition].tolist()))

    def lane(self, condition: str, seed: int) -> Self:
        """One network's sequence of problems, sorted by problem."""
        lane = self.select((self.condition == condition) & (self.seed == seed))
        return lane.select(np.argsort(lane.problem, kind="stable"))


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


def _complete(content: bytes) -> bytes:
    """`content` up to its last line break."""
    return content[: content.rfind(b"\n") + 1]


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
        # What is left of a file whose writing was cut off is nothing.
        if path.exists() and (not path.is_dir() or any(not file.name.endswith(".partial") for file in path.iterdir())):
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
            raise FileNotFoundError(f"{path} is not a directory; give the --out of a run that was begun")
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
        values: dict[str, Any] = {key: np.asarray(value) for key, value in arrays.items()}
        for key, value in values.items():
            if value.dtype.hasobject:
                raise ValueError(f"{name}: array {key!r} holds Python objects; expected numbers, booleans or text")
        buffer = io.BytesIO()
        np.savez_compressed(buffer, **values)
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

    def moments(self, condition: str, seed: int) -> list[Moment]:
        """When the network of a lane was saved, from the start to the end."""
        start, total = self.path / network_name(condition, seed, ""), self.config["run"]["problems"]
        names = [path.stem for path in start.parent.glob("*.npz") if path.name.startswith(start.name)]
        counts = {name.removeprefix(start.name): problems_of(name.removeprefix(start.name), total) for name in names}
        found = [Moment(name, count) for name, count in counts.items() if count is not None]
        return sorted(found, key=lambda moment: moment.problems)

    def append_problems(self, rows: Iterable[ProblemRow]) -> None:
        """Add rows to problems.csv and wait until they are on the disk.

        Raises:
            ValueError: a condition whose name is not fit for a file name.
        """
        lines = "".join(row.line() for row in rows)
        path = self.path / "problems.csv"
        content = _complete(path.read_bytes()) if path.is_file() else b""
        with path.open("ab") as stream:
            # A run killed while it wrote leaves half a line, to which the next row would be glued.
            stream.truncate(len(content))
            stream.write(((HEADER if not content else "") + lines).encode())
            stream.flush()
            os.fsync(stream.fileno())

    def truncate_problems(self, keep: Callable[[ProblemRow], bool]) -> None:
        """Keep only the rows for which `keep` is true, as a resumed run does with those after its checkpoint."""
        kept = "".join(row.line() for row in self._rows() if keep(row))
        write_atomically(self.path / "problems.csv", (HEADER + kept).encode())

    def problems(self) -> ProblemTable:
        """All rows of problems.csv, a half-written last line left out; empty before the first `append_problems`."""
        return ProblemTable.from_rows(self._rows())

    def _rows(self) -> list[ProblemRow]:
        path = self.path / "problems.csv"
        lines = _complete(path.read_bytes()).decode().splitlines() if path.is_file() else []
        return [ProblemRow.parse(line) for line in lines[1:]]

    def _array_path(self, name: str) -> Path:
        return self.path / f"{name}.npz"

    def _read_json(self, name: str) -> dict[str, Any]:
        path = self.path / name
        return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}

    def _write_json(self, name: str, content: Mapping[str, Any]) -> Path:
        text = json.dumps(plain(content), indent=2, sort_keys=True, allow_nan=False)
        return write_atomically(self.path / name, f"{text}\n".encode())
