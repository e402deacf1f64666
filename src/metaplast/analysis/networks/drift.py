"""Where the intrinsic parameters of the neurons go while problem after problem is learned."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from scipy.stats import gaussian_kde, wasserstein_distance

from metaplast.analysis.networks.moments import Moment, by_lane
from metaplast.runs import RunDirectory

LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)
GRID = 96
"""Points of a density."""
TIME_CONSTANT = "tau"
"""With which the names of time constants begin."""
UNITS = {TIME_CONSTANT: "ms", "threshold": "", "delay": "steps"}
"""Unit of each kind of intrinsic parameter."""


class DriftRow(NamedTuple):
    """One intrinsic parameter of one network at one moment."""

    condition: str
    seed: int
    moment: str
    problems: int
    parameter: str
    """Its path."""
    scale: str
    """log: distances are of natural logarithms, 0.1 being about 10 %; linear: of values as they are."""
    neurons: int
    q05: float
    """Quantiles over neurons; time constants in ms, delays in steps."""
    q25: float
    q50: float
    q75: float
    q95: float
    distance: float
    """See `distance`."""
    shift: float
    """See `shift`."""
    correlation: float
    """See `correlation`."""


class DensityRow(NamedTuple):
    """One point of the density of one intrinsic parameter at one moment, over the neurons of all seeds."""

    condition: str
    moment: str
    problems: int
    parameter: str
    scale: str
    value: float
    density: float
    """Per unit of the value, or of its natural logarithm where the scale is log."""


def _kind(path: str) -> str:
    last = path.rsplit(".", 1)[-1]
    return TIME_CONSTANT if last.startswith(TIME_CONSTANT) else last


def is_intrinsic(path: str) -> bool:
    """Whether a parameter path names a time constant, a threshold or a delay."""
    return _kind(path) in UNITS


def unit_of(path: str) -> str:
    """Unit of an intrinsic parameter; thresholds, and what is no intrinsic parameter, have none."""
    return UNITS.get(_kind(path), "")


def is_logarithmic(path: str, values: np.ndarray) -> bool:
    """Whether a parameter is compared by factors: time constants are, as the learner moves them by factors."""
    return _kind(path) == TIME_CONSTANT and bool((values > 0).all())


def coordinate(values: Float[np.ndarray, "..."], logarithmic: bool) -> Float[np.ndarray, "..."]:
    """The values, or their natural logarithms."""
    values = np.asarray(values, float)
    return np.log(values) if logarithmic else values


def distance(start: Float[np.ndarray, " neurons"], now: Float[np.ndarray, " neurons"]) -> float:
    """How far the neurons moved, each from its own start: sqrt(mean over neurons of (now - start)^2)."""
    return float(np.sqrt(np.mean((now - start) ** 2)))


def shift(start: Float[np.ndarray, " neurons"], now: Float[np.ndarray, " neurons"]) -> float:
    """How far the distribution moved, whichever neuron has which value: the Wasserstein distance, at most `distance`.

    Reference: Villani (2009); `scipy.stats.wasserstein_distance`.
    """
    return float(wasserstein_distance(start, now))


def correlation(start: Float[np.ndarray, " neurons"], now: Float[np.ndarray, " neurons"]) -> float:
    """Pearson correlation of each neuron's value with its start; NaN where one of the two is the same everywhere."""
    if np.ptp(start) == 0 or np.ptp(now) == 0:
        return np.nan
    return float(np.corrcoef(start, now)[0, 1])


def density(points: Float[np.ndarray, " neurons"], grid: Float[np.ndarray, " grid"]) -> Float[np.ndarray, " grid"]:
    """Gaussian kernel density of `points` on an even grid, bandwidth by Scott's rule.

    Points that are all the same have no bandwidth: all of their density is then at the nearest place of the grid.

    Reference: Scott (1992); `scipy.stats.gaussian_kde`.
    """
    if len(points) < 2 or np.ptp(points) < 1e-6 * max(np.abs(points).max(), 1e-300):
        alone = np.zeros(len(grid))
        alone[np.abs(grid - points[0]).argmin()] = 1.0 / (grid[1] - grid[0])
        return alone
    return gaussian_kde(points)(grid)


def density_grid(values: Float[np.ndarray, " any"], logarithmic: bool, size: int = GRID) -> Float[np.ndarray, " size"]:
    """Coordinates over the range of all values with a margin, evenly spaced (in the logarithm for a log scale)."""
    points = coordinate(values, logarithmic)
    low, high = float(points.min()), float(points.max())
    margin = 0.15 * (high - low) if high > low else 0.25 * max(abs(low), 1.0)
    return np.linspace(low - margin, high + margin, size)


def drift_rows(run: RunDirectory, found: list[Moment]) -> Iterator[DriftRow]:
    """Every intrinsic parameter at every moment, against the start of its lane; lanes without a start are left out."""
    for lane in by_lane(found):
        if lane[0].name != "start":
            continue
        start = intrinsic_values(run, lane[0])
        for moment in lane:
            for path, values in intrinsic_values(run, moment).items():
                if path in start and start[path].shape == values.shape:
                    yield _drift_row(moment, path, start[path], values)


def _drift_row(moment: Moment, path: str, start: np.ndarray, values: np.ndarray) -> DriftRow:
    logarithmic = is_logarithmic(path, np.concatenate([start, values]))
    before, now = coordinate(start, logarithmic), coordinate(values, logarithmic)
    described = [path, "log" if logarithmic else "linear", len(values), *np.quantile(values, LEVELS).tolist()]
    compared = [distance(before, now), shift(before, now), correlation(before, now)]
    return DriftRow._make([*moment, *described, *compared])


def intrinsic_values(run: RunDirectory, moment: Moment) -> dict[str, np.ndarray]:
    """Intrinsic parameters of one saved network, each in one row."""
    arrays = run.read_arrays(moment.network)
    return {path: value.ravel().astype(float) for path, value in arrays.items() if is_intrinsic(path)}


def density_rows(run: RunDirectory, found: list[Moment]) -> Iterator[DensityRow]:
    """Densities over the neurons of all seeds, one grid for all conditions and moments of a parameter."""
    pooled: dict[tuple[str, str], dict[str, list[np.ndarray]]] = {}
    problems: dict[tuple[str, str], int] = {}
    for moment in found:
        key = moment.condition, moment.name
        problems[key] = moment.problems
        for path, values in intrinsic_values(run, moment).items():
            pooled.setdefault(key, {}).setdefault(path, []).append(values)
    paths = dict.fromkeys(path for values in pooled.values() for path in values)
    grids = {path: _grid_of(path, [part for by in pooled.values() for part in by.get(path, [])]) for path in paths}
    for (condition, name), values in sorted(pooled.items(), key=lambda one: _order(found, one[0])):
        for path, parts in values.items():
            logarithmic, grid = grids[path]
            heights = density(coordinate(np.concatenate(parts), logarithmic), grid)
            for place, height in zip(np.exp(grid) if logarithmic else grid, heights, strict=True):
                scale = "log" if logarithmic else "linear"
                row = condition, name, problems[condition, name], path, scale, float(place), float(height)
                yield DensityRow(*row)


def _grid_of(path: str, parts: list[np.ndarray]) -> tuple[bool, np.ndarray]:
    values = np.concatenate(parts)
    logarithmic = is_logarithmic(path, values)
    return logarithmic, density_grid(values, logarithmic)


def _order(found: list[Moment], key: tuple[str, str]) -> tuple[int, int]:
    """Conditions as they appear, and the moments of each by problems."""
    conditions = list(dict.fromkeys(moment.condition for moment in found))
    return conditions.index(key[0]), next(m.problems for m in found if (m.condition, m.name) == key)
