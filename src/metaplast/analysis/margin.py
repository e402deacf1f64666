"""How far ahead of the next best is what a search chose, and is that more than chance?"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

from metaplast.analysis.statistics import Interval, student_interval


class Margin(NamedTuple):
    """The chosen mask against the one that came closest to it, over the pilot networks of both.

    A search chooses what looks best, so that the lead is a little too large in the mean.
    """

    other: str
    """The best but for the chosen one, among the masks that were run furthest."""
    length: int
    """Problems or epochs over which they are compared."""
    networks: int
    difference: Interval
    """Score of the chosen mask minus that of the other, as a fraction of the latter, with Student's interval over
    networks. Negative: the chosen one is better."""

    @property
    def told_apart(self) -> bool:
        """Whether the interval excludes that both are alike; one network has none, and tells nothing apart."""
        return bool(self.difference.high < 0 or self.difference.low > 0)

    def words(self, chosen: str, unit: str, score: str) -> str:
        """One line: what was compared, the lead, and whether it could be chance."""
        lead = f"{chosen} against {self.other}, the next best: {self.difference.mean:+.1%} {score}"
        if self.networks > 1:
            lead += f" ({self.difference.low:+.1%} to {self.difference.high:+.1%})"
        over = f"{self.length} {unit} of {self.networks} pilot network{'s' if self.networks > 1 else ''}"
        doubt = "" if self.told_apart else "; that may be chance: more networks (pilot.seeds) tell"
        return f"{lead} over {over}{doubt}"


def margin(lengths: Mapping[str, int], scores: Callable[[str, int], np.ndarray], chosen: str) -> Margin | None:
    """The margin of a mask; None if it was not measured, or no other.

    `lengths` tells how far each mask was run, `scores(mask, length)` its score of each network up to there, less
    being better. All masks have the same networks in the same order.
    """
    measured = {mask: length for mask, length in lengths.items() if length}
    others = {mask: length for mask, length in measured.items() if mask != chosen}
    if chosen not in measured or not others:
        return None
    length = min(measured[chosen], max(others.values()))
    furthest = [mask for mask in others if others[mask] >= length]
    other = min(furthest, key=lambda mask: (scores(mask, length).mean(), mask))
    ours, theirs = scores(chosen, length), scores(other, length)
    found = student_interval(ours - theirs)
    scale = float(theirs.mean()) or 1.0
    return Margin(other, length, len(ours), Interval(*(value / scale for value in found)))
