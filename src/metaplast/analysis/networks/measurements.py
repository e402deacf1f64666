"""All analyses of a run: from its directory into analysis/*.csv; what a run has no data for is left out.

drift.csv         intrinsic parameters at every saved moment, against the start
density.csv       their densities over the neurons of all seeds
structural.csv    modules of the recurrent weights
functional.csv    modules of the activity in the probe trials
efficiency.csv    modularity against the updates of the problems that follow
activity.csv      firing rates and time constants in the probe trials
selectivity.csv   what the neurons tell of, period by period
subspaces.csv     decision and stimulus subspaces, and their reuse

The first two and the efficiency are reckoned anew each time, which is quick. Of the others only what is missing is
measured; without the folder analysis/ all of it is.
"""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

from metaplast.analysis.learning_to_learn.curves import counted_problems
from metaplast.analysis.networks.activity_rows import ActivityRow, SelectivityRow, activity_rows, selectivity_rows
from metaplast.analysis.networks.drift import DensityRow, DriftRow, density_rows, drift_rows
from metaplast.analysis.networks.efficiency_correlations import EfficiencyRow, efficiency_rows
from metaplast.analysis.networks.incremental import Told, measure
from metaplast.analysis.networks.modularity_rows import ModularityRow, functional_rows, structural_rows
from metaplast.analysis.networks.moments import Moment, by_lane, has_course, moments, probed
from metaplast.analysis.networks.subspace_rows import SubspaceRow, subspace_rows
from metaplast.analysis.rows import read_rows, write_rows
from metaplast.runs import RunDirectory


class Measurements(NamedTuple):
    """The tables of a run; those that it has no data for are empty."""

    drift: Sequence[DriftRow] = ()
    density: Sequence[DensityRow] = ()
    structural: Sequence[ModularityRow] = ()
    functional: Sequence[ModularityRow] = ()
    efficiency: Sequence[EfficiencyRow] = ()
    activity: Sequence[ActivityRow] = ()
    selectivity: Sequence[SelectivityRow] = ()
    subspaces: Sequence[SubspaceRow] = ()


KINDS = {
    "drift": DriftRow,
    "density": DensityRow,
    "structural": ModularityRow,
    "functional": ModularityRow,
    "efficiency": EfficiencyRow,
    "activity": ActivityRow,
    "selectivity": SelectivityRow,
    "subspaces": SubspaceRow,
}
"""Tables and what a row of each is, in the order of `Measurements`."""


def write_measurements(run: RunDirectory, told: Told = lambda what, done, total: None) -> Measurements:
    """Write what is missing of analysis/*.csv and return all tables.

    Courses (drift, densities, modules) need networks that were saved between start and end, or probe trials; the rest
    needs probe trials. The null networks of the modules take about a second for each network of 100 neurons.
    """
    table = counted_problems(run)
    found = moments(run, table)
    recorded = probed(run, found)
    if not has_course(found) and not recorded:
        return Measurements()
    if has_course(found):
        _write(run, "drift", drift_rows(run, found))
        _write(run, "density", density_rows(run, found))
    networks = {"structural": measure_modules(run, "structural", found, told)}
    if recorded:
        networks["functional"] = measure_modules(run, "functional", recorded, told)
        _measure_probes(run, recorded, told)
    _write(run, "efficiency", efficiency_rows({name: rows for name, rows in networks.items() if rows}, table))
    return read_measurements(run)


def read_measurements(run: RunDirectory) -> Measurements:
    """The tables of a run as they are on disk."""
    return Measurements(*(read_rows(run, name, kind) for name, kind in KINDS.items()))


def measure_modules(run: RunDirectory, network: str, found: list[Moment], told: Told) -> list[ModularityRow]:
    """Complete structural.csv or functional.csv."""
    if network == "structural":
        return measure(run, network, ModularityRow, found, lambda m: m.network, lambda m: structural_rows(run, m), told)
    return measure(run, network, ModularityRow, found, lambda m: m.probe, lambda m: functional_rows(run, m), told)


def _measure_probes(run: RunDirectory, recorded: list[Moment], told: Told) -> None:
    before = {now: past for lane in by_lane(recorded) for past, now in pairwise(lane)}
    source = lambda moment: moment.probe  # noqa: E731
    measure(run, "activity", ActivityRow, recorded, source, lambda m: activity_rows(run, m), told)
    measure(run, "selectivity", SelectivityRow, recorded, source, lambda m: selectivity_rows(run, m), told)
    measure(run, "subspaces", SubspaceRow, recorded, source, lambda m: subspace_rows(run, m, before.get(m)), told)


def _write(run: RunDirectory, name: str, rows: Iterable[tuple]) -> None:
    """Write a table that has rows, such as that of a model with time constants."""
    if found := list(rows):
        write_rows(run, name, KINDS[name], found)  # pyright: ignore[reportArgumentType]
