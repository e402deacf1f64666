"""How far ahead its choice was in a search over masks, from what it left on disk."""

import numpy as np

from metaplast.analysis.curves import attempted_by_all, counted_problems, updates_matrix
from metaplast.analysis.margin import Margin, margin
from metaplast.runs import RunDirectory


def search_margin(search: RunDirectory) -> Margin | None:
    """The margin as `metaplast search` tells it; None if it measured less than two masks.

    It is computed anew, since searches made by older versions have none in their summary.
    """
    table = counted_problems(search)
    spent = {mask: updates_matrix(table, mask, solved=False) for mask in table.conditions()}

    def scores(mask: str, length: int) -> np.ndarray:
        return spent[mask][:, :length].mean(axis=1)

    lengths = {mask: attempted_by_all(matrix) for mask, matrix in sorted(spent.items())}
    return margin(lengths, scores, str(search.summary["chosen"]))


def margin_in_words(search: RunDirectory) -> str:
    """One line, empty if there is no margin."""
    found = search_margin(search)
    return found.words(str(search.summary["chosen"]), "problems", "updates") if found else ""
