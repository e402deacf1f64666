"""Learning to learn as a curve: how many updates each next problem of a sequence costs."""

import warnings
from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from scipy.optimize import OptimizeWarning, curve_fit

from metaplast.runs import ProblemTable, RunDirectory

LATE = 50
"""Number of last problems over which `summary` takes the late mean, or half of a sequence shorter than twice that."""


class ExponentialFit(NamedTuple):
    """y = amplitude exp(-x / scale) + floor, x the index of the problem from 0."""

    amplitude: float
    """In updates; negative where later problems cost more."""
    scale: float
    """In problems."""
    floor: float
    """In updates."""
    converged: bool
    """False where the data do not determine the three numbers, which are then not to be quoted."""

    def __call__(self, index: np.ndarray) -> np.ndarray:
        """Updates of the fitted curve at these problem indices."""
        return exponential(np.asarray(index, float), self.amplitude, self.scale, self.floor)


class Summary(NamedTuple):
    """One condition in a few numbers; a failed problem counts as the table counts it, see `counted`."""

    seeds: int
    problems: int
    """Length of the longest sequence."""
    attempts: int
    """Problems over all seeds."""
    failures: int
    """Problems over all seeds that did not reach the criterion."""
    diverged: int
    """Of these, problems that ended because their loss was no number any more."""
    updates_first: float
    """Updates on the first problem, mean over seeds."""
    updates_late: float
    """Updates a problem, mean over the `late` problems of each seed and over seeds."""
    updates_total: float
    """Updates over the whole sequence, mean over seeds."""
    updates_total_by_seed: list[int]


def late(problems: int) -> int:
    """How many of the last problems count as late: `LATE`, but never more than half of them."""
    return max(1, min(LATE, problems // 2))


def exponential(index: np.ndarray, amplitude: float, scale: float, floor: float) -> np.ndarray:
    """y = amplitude exp(-index / scale) + floor."""
    return amplitude * np.exp(-index / scale) + floor


def exponential_fit(updates: np.ndarray) -> ExponentialFit:
    """Least-squares fit of y = a exp(-x / T) + c, a failed problem being NaN and left out.

    Bounds: |a| up to ten times the largest value, T from 0.1 to ten times the length, c from 0 to the largest value.
    With fewer than four problems there is nothing to fit: all NaN, not converged.

    Reference: Goudar et al. (2023), Nature Neuroscience 26:879-890.
    """
    updates = np.asarray(updates, float)
    index = np.flatnonzero(np.isfinite(updates))
    if len(index) < 4:
        return ExponentialFit(np.nan, np.nan, np.nan, False)
    values = updates[index]
    low, high = _bounds(values, len(updates))
    start = np.clip(_start(values, len(updates)), low, high)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", OptimizeWarning)
            found, covariance = curve_fit(exponential, index.astype(float), values, p0=start, bounds=(low, high))
    except RuntimeError:
        return ExponentialFit(float(start[0]), float(start[1]), float(start[2]), False)
    # With T beyond the sequence the floor was never seen, and without an amplitude there is no T.
    amplitude, known = abs(found[0]), bool(np.isfinite(covariance).all())
    determined = known and found[1] < len(updates) and amplitude > 2 * covariance[0, 0] ** 0.5 + 1e-6 * high[2]
    return ExponentialFit(float(found[0]), float(found[1]), float(found[2]), bool(determined))


def explained(fit: ExponentialFit, updates: np.ndarray) -> float:
    """Share of the variance of the updates that a fit to them explains (R squared), NaN left out as in the fit."""
    updates = np.asarray(updates, float)
    index = np.flatnonzero(np.isfinite(updates))
    values = updates[index]
    spread = float(((values - values.mean()) ** 2).sum()) if len(values) else 0.0
    return 1.0 - float(((values - fit(index)) ** 2).sum()) / spread if spread > 0 else float("nan")


def _bounds(values: np.ndarray, length: int) -> tuple[np.ndarray, np.ndarray]:
    largest = max(float(values.max()), 1.0)
    return np.array([-10 * largest, 0.1, 0.0]), np.array([10 * largest, 10.0 * length, largest])


def _start(values: np.ndarray, length: int) -> np.ndarray:
    """Floor from the last tenth, amplitude from the first problems, scale from the area between curve and floor."""
    floor = float(np.median(values[-max(len(values) // 10, 1) :]))
    amplitude = float(values[:2].mean()) - floor
    area = float((values - floor).sum())
    scale = area / amplitude if area * amplitude > 0 else length / 10
    return np.array([amplitude, scale, floor])


def moving_mean(values: np.ndarray, window: int) -> np.ndarray:
    """Centred mean over at most `window` values, of the same length; NaN are left out.

    Near the start it reaches a quarter of the way back to it and as far ahead: on a logarithmic axis that is the same
    width everywhere, where the steep first problems would else be smeared over the next. At the end it only loses what
    is not there.

    Raises:
        ValueError: a window below one.
    """
    if window < 1:
        raise ValueError(f"moving_mean window is {window}; expected at least 1")
    values = np.asarray(values, float)
    place = np.arange(len(values))
    reach = (place + 1) // 4
    left = np.minimum(window // 2, reach)
    right = np.minimum((window - 1) // 2, np.minimum(reach, len(values) - 1 - place))
    known = np.isfinite(values)
    sums = np.concatenate([[0.0], np.cumsum(np.where(known, values, 0.0))])
    counts = np.concatenate([[0], np.cumsum(known)])
    total, count = sums[place + right + 1] - sums[place - left], counts[place + right + 1] - counts[place - left]
    return np.divide(total, count, out=np.full(len(values), np.nan), where=count > 0)


def counted(table: ProblemTable, limit: int) -> ProblemTable:
    """The same problems, an unsolved one with at least `limit` updates.

    A loss that is not a number ends a problem early: it would else count as one that was learned quickly. What a
    network that gave up did not attempt has no row, and gets none.
    """
    return replace(table, updates=np.where(table.solved, table.updates, np.maximum(table.updates, limit)))


def counted_problems(run: RunDirectory) -> ProblemTable:
    """The problems of a run as `counted`, with its own limit; where none is known they count what was spent."""
    return counted(run.problems(), run.config.get("criterion", {}).get("limit", 0))


def updates_matrix(table: ProblemTable, condition: str, *, solved: bool = True) -> np.ndarray:
    """Updates of one condition as [seeds, problems]; NaN where a seed has no such problem, or, if `solved`, failed."""
    lanes = [table.lane(condition, seed) for seed in table.seeds(condition)]
    matrix = np.full((len(lanes), max((int(lane.problem.max()) + 1 for lane in lanes), default=0)), np.nan)
    for row, lane in zip(matrix, lanes, strict=True):
        row[lane.problem] = np.where(lane.solved | (not solved), lane.updates, np.nan)
    return matrix


def mean_over_seeds(matrix: np.ndarray) -> np.ndarray:
    """Mean over the first axis, NaN left out; NaN where no seed has a value."""
    known = np.isfinite(matrix)
    count = known.sum(axis=0)
    total = np.where(known, matrix, 0.0).sum(axis=0)
    return np.divide(total, count, out=np.full(matrix.shape[1], np.nan), where=count > 0)


def given_up_at(table: ProblemTable, condition: str, give_up: int, problems: int) -> dict[int, int]:
    """Seeds whose sequence ends early, after `give_up` unsolved problems in a row, and the problems they attempted."""
    lanes = {seed: table.lane(condition, seed) for seed in table.seeds(condition)}
    return {
        seed: len(lane)
        for seed, lane in lanes.items()
        if give_up and give_up <= len(lane) < problems and not lane.solved[-give_up:].any()
    }


def ends_in_words(ends: Mapping[int, int]) -> str:
    """Where sequences end, by seed, in words: `seeds 0 to 3, 5 after 10, seed 4 after 27 problems`."""
    parts = []
    for count in sorted(set(ends.values())):
        seeds = _runs(sorted(seed for seed, end in ends.items() if end == count))
        one = len(seeds) == 1 and seeds[0][0] == seeds[0][1]
        named = ", ".join(f"{first}" if first == last else f"{first} to {last}" for first, last in seeds)
        parts.append(f"seed{'' if one else 's'} {named} after {count}")
    return ", ".join(parts) + " problems"


def _runs(numbers: list[int]) -> list[tuple[int, int]]:
    """First and last of each run of whole numbers without a gap."""
    runs: list[tuple[int, int]] = []
    for number in numbers:
        follows = bool(runs) and runs[-1][1] == number - 1
        runs[len(runs) - follows :] = [(runs[-1][0] if follows else number, number)]
    return runs


def attempted_by_all(matrix: np.ndarray) -> int:
    """Problems, counted from the first, of which every row of `updates_matrix(..., solved=False)` has a number."""
    there = np.isfinite(matrix).all(axis=0)
    return there.size if there.all() else int(np.argmin(there))


def summary(table: ProblemTable, condition: str) -> Summary:
    """The numbers of one condition.

    Raises:
        ValueError: no problem of this condition.
    """
    lanes = [table.lane(condition, seed) for seed in table.seeds(condition)]
    if not lanes:
        raise ValueError(f"no problem of condition {condition!r}; there are: {', '.join(table.conditions()) or 'none'}")
    totals = [int(lane.updates.sum()) for lane in lanes]
    return Summary(
        seeds=len(lanes),
        problems=max(len(lane) for lane in lanes),
        attempts=sum(len(lane) for lane in lanes),
        failures=sum(int((~lane.solved).sum()) for lane in lanes),
        diverged=sum(int((~np.isfinite(lane.loss)).sum()) for lane in lanes),
        updates_first=float(np.mean([lane.updates[0] for lane in lanes])),
        updates_late=float(np.mean([lane.updates[-late(len(lane)) :].mean() for lane in lanes])),
        updates_total=float(np.mean(totals)),
        updates_total_by_seed=totals,
    )
