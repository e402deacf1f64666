"""The figure of a search: every mask that was tried, and how far."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from metaplast.analysis.curves import updates_matrix
from metaplast.analysis.figures_style import INK, MUTED, PALETTE, canvas, light_grid
from metaplast.runs import ProblemTable


def search(table: ProblemTable, groups: Sequence[str], chosen: str) -> Figure:
    """Left: updates accumulated under each mask, as far as it was run. Right: where each stood when it was dropped.

    The conditions of `table` are masks, one digit for each of `groups`; the mask `chosen` is drawn in colour.
    """
    totals = {mask: _accumulated(table, mask) for mask in sorted(table.conditions())}
    order = sorted(totals, key=lambda mask: (-len(totals[mask]), totals[mask][-1] / len(totals[mask])))
    figure = canvas(11.0, max(3.6, 1.6 + 0.32 * len(order)))
    curves, places = figure.subplots(1, 2, width_ratios=(1.3, 1.0))
    for mask in reversed(order):
        total, colour = totals[mask], PALETTE[1] if mask == chosen else MUTED
        wide = 2.4 if mask == chosen else 1.2
        curves.plot(np.arange(len(total)) + 1, total, color=colour, linewidth=wide)
        curves.plot(len(total), total[-1], "o", color=colour, markersize=3.5)
        curves.annotate(mask, (len(total), total[-1]), (5, 0), textcoords="offset points", va="center", color=colour)
    curves.set(xlabel="pilot problems", ylabel="updates, accumulated", title="Under each mask")
    curves.set_ylim(bottom=0)
    light_grid(curves)
    means = [totals[mask][-1] / len(totals[mask]) for mask in order]
    colours = [PALETTE[1] if mask == chosen else "#b8b8b8" for mask in order]
    places.barh(range(len(order)), means, color=colours, height=0.7)
    for row, (mask, mean) in enumerate(zip(order, means, strict=True)):
        note = f"{mean:.1f} over {len(totals[mask])} problems"
        places.annotate(note, (mean, row), (4, 0), textcoords="offset points", va="center", color=INK, fontsize=8.5)
    labels = [f"{mask}  {_names(mask, groups)}" for mask in order]
    places.set_yticks(range(len(order)), labels)
    places.invert_yaxis()
    places.margins(x=0.35)
    places.set(xlabel="updates a problem, when it was last measured", title="What was learnable")
    return figure


def _accumulated(table: ProblemTable, mask: str) -> np.ndarray:
    """Updates up to each problem, mean over the seeds, as far as all of them went."""
    updates = updates_matrix(table, mask, solved=False)
    return np.cumsum(updates[:, np.isfinite(updates).all(axis=0)].mean(axis=0))


def _names(mask: str, groups: Sequence[str]) -> str:
    return ", ".join(group for group, digit in zip(groups, mask, strict=True) if digit == "1") or "none"
