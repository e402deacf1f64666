"""How far ahead its choice was in a search over masks, from the problems that it learned."""

import numpy as np

from metaplast.analysis.learning_to_learn.curves import attempted_by_all, counted_problems, updates_matrix
from metaplast.analysis.search.margin import Margin, margin
from metaplast.runs import RunDirectory


def search_margin(search: RunDirectory, chosen: str) -> Margin | None:
    """The margin of the mask `chosen`; None if fewer than two masks were measured."""
    table = counted_problems(search)
    spent = {mask: updates_matrix(table, mask, solved=False) for mask in table.conditions()}

    def scores(mask: str, length: int) -> np.ndarray:
        return spent[mask][:, :length].mean(axis=1)

    return margin({mask: attempted_by_all(matrix) for mask, matrix in sorted(spent.items())}, scores, chosen)


def margin_in_words(search: RunDirectory) -> str:
    """One line on the choice of a finished search, of this version or an older one; empty if there is no margin."""
    chosen = str(search.summary["chosen"])
    found = search_margin(search, chosen)
    return found.words(chosen, "problems", "updates") if found else ""
