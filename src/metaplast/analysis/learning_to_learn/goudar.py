"""The published fit of learning to learn, and the numbers that it gave, beside those of a run of the same protocol."""

from typing import NamedTuple

import numpy as np
from scipy.optimize import curve_fit

from metaplast.analysis.learning_to_learn.curves import ExponentialFit, updates_matrix
from metaplast.runs import ProblemTable, RunDirectory

EDGE_FIRST, EDGE_LAST = 30, 31
"""Problems at either end from whose means the published fit starts."""
FIT_PROBLEMS = 1001
"""Problems of a published sequence."""


class Published(NamedTuple):
    """One number of the fit over the ten published networks."""

    low: float
    high: float
    mean: float

    def holds(self, value: float) -> bool:
        """Whether `value` is among the published ones."""
        return self.low <= value <= self.high


PUBLISHED = {
    "floor": Published(16.1, 27.2, 21.1),
    "scale": Published(15.6, 57.7, 39.1),
    "amplitude": Published(116.0, 333.0, 179.0),
}
"""c (trials), T (problems) and a (trials) of the ten published sequences, as `published_fit` finds them.

Ranges are rounded outward, so that they hold the ten fits that they are made of. Both ends of a and the lower end of T
come from the bound a <= 2 scale of the procedure, on which three sequences lie. A search over T on a grid with the best
a and c finds the fits of the other seven, and within that bound those of all ten; without it the three have smaller
errors elsewhere, and the ranges become 16.1 to 27.2 (c), 12.2 to 57.7 (T) and 118 to 436 (a).
"""
STORED = {
    "floor": Published(18.3, 26.4, 22.7),
    "scale": Published(12.1, 57.6, 37.9),
    "amplitude": Published(87.0, 187.0, 141.0),
}
"""The fits stored with the published code. They are not those of the sequences stored beside them: fitted by the same
procedure these give `PUBLISHED`."""


class SeedFit(NamedTuple):
    """One network's sequence and its fit."""

    condition: str
    seed: int
    problems: int
    """Problems met so far, the first included."""
    failures: int
    fit: ExponentialFit
    """y = a exp(-x / T) + c in trials to criterion, x counted from 0 at the second problem."""


def trials_to_criterion(updates: np.ndarray, window: int) -> np.ndarray:
    """Trials before the window over which the criterion was met, at least one; a failed problem stays NaN.

    With one trial an update, as in the protocol, updates are trials.
    """
    return np.maximum(np.asarray(updates, float) - window, 1.0)


def published_fit(trials: np.ndarray) -> ExponentialFit:
    """Least squares of y = a exp(b x) + c as published, T = -1 / b; `trials` from problem 0 on, which is left out.

    With asymptote the mean of the last 31 problems and scale that of the first 30 minus it (100 if negative):
    0 <= a <= 2 scale, -1/5 <= b <= -1/200, 0 <= c <= 2 asymptote, started at scale, -1/50 and asymptote. NaN are left
    out. With fewer than four problems there is nothing to fit: all NaN, not converged.

    Reference: Goudar et al. (2023), Nature Neuroscience 26:879-890, with the analysis that they published.
    """
    values = np.asarray(trials, float)[1:]
    index = np.flatnonzero(np.isfinite(values))
    nothing = ExponentialFit(np.nan, np.nan, np.nan, False)
    if len(index) < 4:
        return nothing
    known = values[index]
    asymptote = float(known[-EDGE_LAST:].mean())
    scale = float(known[:EDGE_FIRST].mean()) - asymptote
    scale = scale if scale > 0 else 100.0
    start, low, high = [scale, -1 / 50, asymptote], [0.0, -1 / 5, 0.0], [2 * scale, -1 / 200, 2 * asymptote]
    try:
        found, _ = curve_fit(_curve, index.astype(float), known, p0=start, bounds=(low, high), x_scale=np.abs(start))
    except RuntimeError:
        return nothing
    return ExponentialFit(float(found[0]), float(-1 / found[1]), float(found[2]), True)


def _curve(index: np.ndarray, amplitude: float, rate: float, floor: float) -> np.ndarray:
    return amplitude * np.exp(rate * index) + floor


def seed_trials(table: ProblemTable, condition: str, window: int) -> dict[int, np.ndarray]:
    """Trials to criterion of every seed, problem by problem as far as it went, NaN where it failed."""
    rows = trials_to_criterion(updates_matrix(table, condition), window)
    seeds = table.seeds(condition)
    return {seed: row[: len(table.lane(condition, seed))] for seed, row in zip(seeds, rows, strict=True)}


def seed_fits(run: RunDirectory) -> list[SeedFit]:
    """Fits of all seeds of a run, finished or not, with the window of its own criterion.

    Raises:
        ValueError: its configuration names no window.
    """
    window, table = criterion_window(run), run.problems()
    found = []
    for condition in table.conditions():
        for seed, trials in seed_trials(table, condition, window).items():
            failures = int(np.isnan(trials).sum())
            found.append(SeedFit(condition, seed, len(trials), failures, published_fit(trials)))
    return found


def criterion_window(run: RunDirectory) -> int:
    """Trials over which the criterion of a run takes its mean.

    Raises:
        ValueError: its configuration does not say.
    """
    window = run.config.get("criterion", {}).get("window")
    if window is None:
        raise ValueError(f"{run.path}/config.toml has no criterion.window; give the directory of a learning run")
    return int(window)
