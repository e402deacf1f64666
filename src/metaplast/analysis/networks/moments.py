"""At which moments of its sequence of problems a network was saved, and what was recorded of it then."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from metaplast.run_names import network_name, probe_name, problems_of
from metaplast.runs import ProblemTable, RunDirectory

Arrays = Mapping[str, np.ndarray]


class Moment(NamedTuple):
    """One saved network of one lane."""

    condition: str
    seed: int
    name: str
    """start, after0100 (problems learned) and so on, or end."""
    problems: int
    """Problems that it had learned by then."""

    @property
    def network(self) -> str:
        """Name of its parameters, for `RunDirectory.read_arrays`."""
        return network_name(self.condition, self.seed, self.name)

    @property
    def probe(self) -> str:
        """Name of its recorded probe trials, for `RunDirectory.read_arrays`."""
        return probe_name(self.condition, self.seed, self.name)


def moments(run: RunDirectory, table: ProblemTable) -> list[Moment]:
    """Every saved network of a run: condition by condition, seed by seed, in the order of the problems."""
    folder = run.path / "networks"
    stems = sorted(path.stem for path in folder.glob("*.npz")) if folder.is_dir() else []
    found: list[Moment] = []
    for condition in table.conditions():
        for seed in table.seeds(condition):
            lane = Path(network_name(condition, seed, "")).name
            total = int(((table.condition == condition) & (table.seed == seed)).sum())
            names = [stem.removeprefix(lane) for stem in stems if stem.startswith(lane)]
            counted = [(problems, name) for name in names if (problems := problems_of(name, total)) is not None]
            found += [Moment(condition, seed, name, problems) for problems, name in sorted(counted)]
    return found


def probed(run: RunDirectory, found: list[Moment]) -> list[Moment]:
    """Those of which probe trials were recorded."""
    return [moment for moment in found if run.has_arrays(moment.probe)]


def by_lane(found: list[Moment]) -> Iterator[list[Moment]]:
    """The moments of each lane."""
    for lane in dict.fromkeys((moment.condition, moment.seed) for moment in found):
        yield [moment for moment in found if (moment.condition, moment.seed) == lane]


def has_course(found: list[Moment]) -> bool:
    """Whether networks were saved between start and end, so that something can be told of the way there."""
    return any(len(lane) > 2 for lane in by_lane(found))
