"""What a search over masks cost, beside what it would have cost to run every mask to the end."""

from statistics import fmean
from typing import NamedTuple

import numpy as np

from metaplast.runs import RunDirectory


class SearchCost(NamedTuple):
    """The cost counted in two ways: the first problems of a network need the most updates."""

    problems: int
    """Pilot problems that were learned."""
    all_problems: int
    """Those of all masks, each as far as the masks that came furthest."""
    updates: int
    """Updates that were spent."""
    all_updates: float
    """Those of all masks to the end: an estimate, since what was dropped early was never run so far."""

    @property
    def shares(self) -> tuple[float, float]:
        """Spent as a part of all, in problems and in updates."""
        return self.problems / self.all_problems, self.updates / self.all_updates


def search_cost(search: RunDirectory) -> SearchCost | None:
    """The cost of a finished search; None if it measured nothing.

    A mask that was dropped is taken to stay as much dearer or cheaper than the masks that came furthest as it was over
    the problems that it did run; one that was never run counts as the mean of the others.
    """
    table, pilot = search.problems(), search.config["pilot"]
    if not len(table):
        return None
    length = int(table.problem.max()) + 1
    spent = {}
    for mask in table.conditions():
        rows = table.select(table.condition == mask)
        each = np.bincount(rows.problem, rows.updates)
        spent[mask] = each.cumsum()
    furthest = np.mean([course for course in spent.values() if len(course) == length], axis=0)
    to_the_end = [course[-1] * furthest[-1] / furthest[len(course) - 1] for course in spent.values()]
    masks = 2 ** len(pilot["groups"])
    updates = int(table.updates.sum())
    return SearchCost(len(table), masks * pilot["seeds"] * length, updates, masks * fmean(to_the_end))
