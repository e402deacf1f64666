"""The figures of all analyses of a run, from its tables and probe trials."""

from collections.abc import Iterator, Sequence

from matplotlib.figure import Figure

from metaplast.analysis.learning_to_learn.curves import counted_problems
from metaplast.analysis.networks.measurements import Measurements
from metaplast.analysis.networks.modularity import functional, modules, structural
from metaplast.analysis.networks.modularity_rows import recurrent_weight
from metaplast.analysis.networks.moments import Moment, by_lane, has_course, moments, probed
from metaplast.analysis.networks.probes import activity, periods
from metaplast.analysis.networks.subspace_rows import seen
from metaplast.figures.course import Colours
from metaplast.figures.drift import densities, drift, moved
from metaplast.figures.dynamics import dynamics, selectivity
from metaplast.figures.modularity import NAMES, Seen, communities, efficiency, modularity
from metaplast.figures.subspaces import Shown, subspaces, trajectories
from metaplast.runs import ProblemTable, RunDirectory

Named = Iterator[tuple[str, Figure]]


def measured(run: RunDirectory, table: ProblemTable, found: Measurements, colours: Colours) -> Named:
    """Every figure for which the run has measurements, with its name; conditions that differ in kind have one each."""
    for condition in colours:
        if moved(found.drift, condition):
            yield f"density-{condition}", densities(found.density, condition, colours[condition])
    if any(row.distance > 0 for row in found.drift):
        yield "drift", drift(found.drift, colours)
    if found.activity:
        yield "dynamics", dynamics(found.activity, colours)
    if found.selectivity:
        yield "selectivity", selectivity(found.selectivity, colours)
    saved = moments(run, table)
    yield from _population(run, probed(run, saved))
    if any(row.before >= 0 for row in found.subspaces):
        yield "subspaces", subspaces(found.subspaces, colours)
    yield from _modules(run, saved, found, table, colours)


def _modules(
    run: RunDirectory, saved: list[Moment], found: Measurements, table: ProblemTable, colours: Colours
) -> Named:
    networks = {name: getattr(found, name) for name in NAMES if getattr(found, name)}
    if not networks:
        return
    for lane in shown_lanes(saved):
        lines = [line for name in networks if (line := _networks(run, name, shown_moments(lane)))]
        if lines:
            yield f"communities-{lane[0].condition}", communities(lines, _lane_name(lane))
    if has_course(saved):
        yield "modularity", modularity(networks, colours)
    if found.efficiency:
        yield "efficiency", efficiency(networks, found.efficiency, counted_problems(run), colours)


def _population(run: RunDirectory, recorded: list[Moment]) -> Named:
    for lane in shown_lanes(recorded):
        shown = []
        for moment in shown_moments(lane):
            states = seen(run.read_arrays(moment.probe))
            shown.append(Shown(_when(moment), states.states, states.choice))
        probe = run.read_arrays(lane[-1].probe)
        if len(set(shown[-1].choice.tolist())) > 1:
            figure = trajectories(shown, periods(run, probe), float(probe["dt"]), _lane_name(lane))
            yield f"trajectories-{lane[0].condition}", figure


def shown_lanes(found: list[Moment]) -> list[list[Moment]]:
    """The first seed of every condition, which stands for all where a single network is shown."""
    first: dict[str, list[Moment]] = {}
    for lane in by_lane(found):
        first.setdefault(lane[0].condition, lane)
    return list(first.values())


def shown_moments(lane: Sequence[Moment]) -> list[Moment]:
    """The first moment, one in the middle and the last."""
    return [lane[place] for place in sorted({0, len(lane) // 2, len(lane) - 1})]


def _networks(run: RunDirectory, name: str, shown: Sequence[Moment]) -> list[Seen]:
    """One kind of network at these moments; nothing where the model has no such network."""
    line = []
    for moment in shown:
        if name == "functional" and run.has_arrays(moment.probe):
            adjacency = functional(activity(run.read_arrays(moment.probe)))
        elif name == "structural" and (weight := recurrent_weight(run.read_arrays(moment.network))) is not None:
            adjacency = structural(weight)
        else:
            continue
        title = f"{NAMES[name]}, {_when(moment)}"
        line.append(Seen(title[:1].upper() + title[1:], adjacency, modules(adjacency)))
    return line


def _when(moment: Moment) -> str:
    if moment.name == "start":
        return "before learning"
    return f"after {moment.problems:,} problem{'s' if moment.problems != 1 else ''}"


def _lane_name(lane: Sequence[Moment]) -> str:
    return f"{lane[0].condition}, seed {lane[0].seed}"
