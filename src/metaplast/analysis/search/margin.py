"""How far ahead of the best of the others is what a search chose, and is that more than chance?"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

from metaplast.analysis.statistics import Interval, student_interval


class Margin(NamedTuple):
    """The chosen mask against the one that came closest to it, over the pilot networks of both.

    A search chooses what looks best, so that the lead is a little too large in the mean.
    """

    other: str
    """The best but for the chosen one, among the masks that were run furthest; a better one may have been dropped."""
    length: int
    """Problems or epochs over which they are compared."""
    networks: int
    difference: Interval | None
    """Score of the chosen mask minus that of the other, as a fraction of the latter, with Student's interval over
    networks. Negative: the chosen one is better. None where a network of either broke: its score is infinite."""
    broken: int = 0
    """Networks of the chosen mask that broke."""
    broken_other: int = 0
    """Networks of the other that broke."""

    @property
    def told_apart(self) -> bool:
        """Whether the interval excludes that both are alike; without one, as of one network, nothing is told apart."""
        return self.difference is not None and bool(self.difference.high < 0 or self.difference.low > 0)

    def words(self, chosen: str, unit: str, score: str) -> str:
        """One line: what was compared, the lead, and whether it could be chance."""
        pair = f"{chosen} against {self.other}, the best of those run as far"
        over = f"{self.length} {unit} of {self.networks} pilot network{'s' if self.networks > 1 else ''}"
        if self.difference is None:
            broke = f"{self.broken} of {chosen} and {self.broken_other} of {self.other} broke"
            return f"{pair}: no difference of {score}, since {broke} over {over}"
        lead = f"{self.difference.mean:+.1%} {score}"
        if self.networks > 1:
            lead += f" ({self.difference.low:+.1%} to {self.difference.high:+.1%})"
        doubt = "" if self.told_apart else "; that may be chance: more networks (pilot.seeds) tell"
        return f"{pair}: {lead} over {over}{doubt}"


def margin(lengths: Mapping[str, int], scores: Callable[[str, int], np.ndarray], chosen: str) -> Margin | None:
    """The margin of a mask; None if it was not measured, or no other.

    `lengths` tells how far each mask was run, `scores(mask, length)` its score of each network up to there, less
    being better and not finite where a network broke. All masks have the same networks in the same order.
    """
    measured = {mask: length for mask, length in lengths.items() if length}
    others = {mask: length for mask, length in measured.items() if mask != chosen}
    if chosen not in measured or not others:
        return None
    length = min(measured[chosen], max(others.values()))
    furthest = [mask for mask in others if others[mask] >= length]
    other = min(furthest, key=lambda mask: (_badness(scores(mask, length)), mask))
    ours, theirs = scores(chosen, length), scores(other, length)
    broken, broken_other = _broken(ours), _broken(theirs)
    if broken or broken_other:
        return Margin(other, length, len(ours), None, broken, broken_other)
    found = student_interval(ours - theirs)
    scale = float(theirs.mean()) or 1.0
    return Margin(other, length, len(ours), Interval(*(value / scale for value in found)))


def _broken(scores: np.ndarray) -> int:
    """Networks whose score is no finite number."""
    return int((~np.isfinite(scores)).sum())


def _badness(scores: np.ndarray) -> tuple[int, float]:
    """What is least for the best mask: networks that broke, then the mean of the others."""
    sound = scores[np.isfinite(scores)]
    return _broken(scores), float(sound.mean()) if sound.size else 0.0
