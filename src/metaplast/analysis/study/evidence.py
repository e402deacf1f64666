"""What the numbers of a study say: comparisons, all corrected together, and the published fit of each seed."""

from typing import NamedTuple

import numpy as np

from metaplast.analysis.learning_to_learn.goudar import FIT_PROBLEMS, SeedFit, seed_fits
from metaplast.analysis.statistics import Comparison, Interval, compare_totals, corrected, ratio_interval
from metaplast.analysis.study.panels import BI_LEVEL, MASK, Panel, StudyResults

TOTAL, LATE = "total", "late"
MEASURES = (TOTAL, LATE)
"""Updates over all problems that both met, and over the last of these: final efficiency."""


class Compared(NamedTuple):
    """One comparison of bi-level with another condition."""

    panel: str
    reference: str
    measure: str
    problems: int
    """Problems over which both were compared."""
    comparison: Comparison


class Fitted(NamedTuple):
    """One seed of a run of the published protocol."""

    member: str
    finished: bool
    fit: SeedFit

    @property
    def name(self) -> str:
        return f"{self.member} {self.fit.condition} {self.fit.seed}"


class Evidence(NamedTuple):
    """All that tables, figures and claims are made of."""

    results: StudyResults
    comparisons: list[Compared]
    fits: list[Fitted]

    @property
    def whole_fits(self) -> list[Fitted]:
        """Those that may be held against the published ones: converged, of finished sequences as long as theirs."""
        whole = [one for one in self.fits if one.finished and one.fit.problems >= FIT_PROBLEMS]
        return [one for one in whole if one.fit.fit.converged]

    def compared(self, panel: str, reference: str, measure: str = TOTAL) -> Compared | None:
        """The comparison of bi-level with `reference`, if both were run."""
        wanted = (panel, reference, measure)
        return next((one for one in self.comparisons if one[:3] == wanted), None)


def gather(results: StudyResults) -> Evidence:
    """Compare and fit all that is there."""
    comparisons = [
        one for panel in results.panels.values() for measure in MEASURES for one in against_others(panel, measure)
    ]
    together = corrected([one.comparison for one in comparisons])
    judged = [one._replace(comparison=two) for one, two in zip(comparisons, together, strict=True)]
    fits = [
        Fitted(member.name, member.finished, fit)
        for member in results.members
        if member.fit and member.run
        for fit in seed_fits(member.run)
    ]
    return Evidence(results, judged, fits)


def against_others(panel: Panel, measure: str) -> list[Compared]:
    """Bi-level against every other condition of a panel but the single other masks, not corrected yet."""
    if BI_LEVEL not in panel.conditions:
        return []
    found = []
    for name, other in panel.conditions.items():
        if name == BI_LEVEL or name.startswith(MASK) or not set(other.seeds) & set(panel.conditions[BI_LEVEL].seeds):
            continue
        last = panel.late(BI_LEVEL, name) if measure == LATE else None
        spent = panel.totals([BI_LEVEL, name], last)
        comparison = compare_totals(spent, BI_LEVEL, name)
        found.append(Compared(panel.name, name, measure, last or panel.common(BI_LEVEL, name), comparison))
    return found


def ratio_of_parts(panel: Panel, condition: str, later: slice, earlier: slice) -> Interval:
    """Updates a problem in one part of the sequence over those in another: geometric mean over seeds."""
    updates = panel.conditions[condition].updates
    return ratio_interval(np.log(updates[:, later].mean(axis=1)) - np.log(updates[:, earlier].mean(axis=1)))


def ratio_in_part(panel: Panel, condition: str, reference: str, part: slice) -> Interval:
    """Updates of `condition` over those of `reference` in one part of the sequence: geometric mean over seeds."""
    return ratio_interval(_log_ratios(panel, condition, reference, part))


def growth_of_ratio(panel: Panel, condition: str, reference: str, later: slice, earlier: slice) -> Interval:
    """How the ratio of updates, condition over reference, changes between two parts: a factor, 1 being no change."""
    logs = [_log_ratios(panel, condition, reference, part) for part in (later, earlier)]
    return ratio_interval(logs[0] - logs[1])


def _log_ratios(panel: Panel, condition: str, reference: str, part: slice) -> np.ndarray:
    """Seed by seed, of the seeds that both have."""
    ours, theirs = panel.conditions[condition], panel.conditions[reference]
    common = sorted(set(ours.seeds) & set(theirs.seeds))
    sums = [one.updates[[one.seeds.index(seed) for seed in common], part].sum(axis=1) for one in (ours, theirs)]
    return np.log(sums[0]) - np.log(sums[1])
