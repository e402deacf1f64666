"""Searches for the best allocation: the slow level.

A search sees nothing but a `Pilot`, so it serves any model, task and learner.
"""

from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import Protocol

import equinox as eqx
import numpy as np

from metaplast.allocation.space import Mask, Space


class Pilot(Protocol):
    """What a search may ask of the fast level.

    In learning to learn a mask is scored by updates a problem. Other fast levels may have another score of which less
    is better, and another unit of work: in classification the error on examples held out, after so many epochs.
    """

    def score(self, masks: Sequence[Mask], problems: int) -> np.ndarray:
        """For each mask its mean number of updates a problem over the first `problems` pilot problems.

        What was measured of a mask already is not measured again: more problems cost only the additional ones.
        """
        ...

    def slope(self, warm: int) -> Callable[[np.ndarray, int], np.ndarray]:
        """After `warm` problems with every group free: a function (gates, step) -> gradient in the gates.

        The gradient is that of the task loss over some updates of a pilot problem, a new one at every step, with the
        learning rates of each group times its gate.
        """
        ...


class Search(eqx.Module):
    """Chooses one mask out of a space. Every field is a setting that a configuration may give."""

    @abstractmethod
    def choose(self, space: Space, pilot: Pilot, seed: int) -> Mask:
        """The mask with the fewest updates, as far as this search can tell."""

    def check(self, space: Space) -> None:
        """Refuse a space that this search cannot choose from, before anything is measured.

        Raises:
            ValueError: a setting and a space that do not fit.
        """

    def _at_least(self, low: float, *names: str) -> None:
        """Refuse settings below a bound.

        Raises:
            ValueError: a value that is smaller, or no number.
        """
        for name in names:
            value = getattr(self, name)
            if not value >= low:
                raise ValueError(f"{name} is {value}; give {low} or more")


def least(scores: np.ndarray) -> int:
    """Place of the smallest score. One that is no number counts as infinite; `numpy.argmin` would take it."""
    return int(np.argmin(np.where(np.isnan(scores), np.inf, scores)))


class Preset(Search):
    """The mask that is given, one digit a group: nothing is measured."""

    mask: str = eqx.field(default="", static=True)

    def check(self, space: Space) -> None:
        if len(self.mask) != len(space.groups) or set(self.mask) - {"0", "1"}:
            names = ", ".join(space.groups)
            raise ValueError(f"search.mask is {self.mask!r}; give one 0 or 1 for each of the groups: {names}")
        space.allocation(self._digits())  # which refuses a mask that is not allowed

    def choose(self, space: Space, pilot: Pilot, seed: int) -> Mask:
        self.check(space)
        return self._digits()

    def _digits(self) -> Mask:
        return tuple(digit == "1" for digit in self.mask)


class RandomSearch(Search):
    """The best of some masks drawn at random, without repetition."""

    candidates: int = eqx.field(default=4, static=True)
    problems: int = eqx.field(default=100, static=True)

    def __check_init__(self) -> None:
        self._at_least(1, "candidates", "problems")

    def choose(self, space: Space, pilot: Pilot, seed: int) -> Mask:
        masks = space.all()
        drawn = np.random.default_rng(seed).choice(len(masks), min(self.candidates, len(masks)), replace=False)
        candidates = [masks[index] for index in sorted(drawn)]
        return candidates[least(pilot.score(candidates, self.problems))]


class Exhaustive(Search):
    """Every mask on all the problems."""

    problems: int = eqx.field(default=100, static=True)

    def __check_init__(self) -> None:
        self._at_least(1, "problems")

    def choose(self, space: Space, pilot: Pilot, seed: int) -> Mask:
        masks = space.all()
        return masks[least(pilot.score(masks, self.problems))]


class Halving(Search):
    """A race: all masks run a few problems, the better half runs twice as many, until one is left.

    Half of an odd number is rounded up, so that any race ends between two.

    Reference: successive halving, Jamieson & Talwalkar (2016).
    """

    problems: int = eqx.field(default=100, static=True)
    """Problems that the last two run."""
    first: int = eqx.field(default=5, static=True)
    """Problems of the first round, which the network learns from scratch: too few of them measure little else."""

    def __check_init__(self) -> None:
        self._at_least(1, "problems", "first")

    def choose(self, space: Space, pilot: Pilot, seed: int) -> Mask:
        racing, problems = space.all(), self.first
        while len(racing) > 1:
            final = len(racing) == 2
            scores = pilot.score(racing, self.problems if final else min(problems, self.problems))
            order = np.argsort(scores, kind="stable")[: (len(racing) + 1) // 2]
            racing, problems = [racing[index] for index in sorted(order)], 2 * problems
        return racing[0]
