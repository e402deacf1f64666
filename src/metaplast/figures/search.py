"""The figure of a search: every mask that was tried, and how far."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from metaplast.analysis.learning_to_learn.curves import updates_matrix
from metaplast.figures.style import INK, MUTED, PALETTE, canvas, light_grid
from metaplast.runs import ProblemTable

CHOSEN, OTHERS = PALETTE[1], "#b8b8b8"


def search(table: ProblemTable, groups: Sequence[str], chosen: str) -> Figure:
    """Left: updates accumulated under each mask, as far as it was run. Right: each against the chosen one.

    The conditions of `table` are masks, one digit for each of `groups`; the mask `chosen` is drawn in colour. Masks
    that were dropped early are compared over the problems that they were run on.
    """
    totals = {mask: _accumulated(table, mask) for mask in table.conditions()}
    reference = totals.get(chosen, next(iter(totals.values())))
    ratios = {
        mask: total[min(len(total), len(reference)) - 1] / reference[min(len(total), len(reference)) - 1]
        for mask, total in totals.items()
    }
    order = sorted(totals, key=lambda mask: (-len(totals[mask]), ratios[mask]))
    figure = canvas(11.0, max(3.6, 1.6 + 0.32 * len(order)))
    curves, bars = figure.subplots(1, 2, width_ratios=(1.0, 1.0))
    _curves(curves, {mask: totals[mask] for mask in reversed(order)}, chosen)
    _bars(bars, order, ratios, {mask: len(total) for mask, total in totals.items()}, chosen)
    bars.set_yticks(range(len(order)), [f"{mask}  {_names(mask, groups)}" for mask in order])
    return figure


def _curves(axes: Axes, totals: dict[str, np.ndarray], chosen: str) -> None:
    """Accumulated updates; a dot where a mask was dropped."""
    for mask, total in totals.items():
        colour, wide = (CHOSEN, 2.4) if mask == chosen else (MUTED, 1.0)
        axes.plot(np.arange(len(total)) + 1, total, color=colour, linewidth=wide)
        axes.plot(len(total), total[-1], "o", color=colour, markersize=3.5)
    axes.set(xlabel="pilot problems", ylabel="updates, accumulated", title=f"Under each mask, {chosen} in colour")
    axes.set_ylim(bottom=0)
    light_grid(axes)


def _bars(axes: Axes, order: list[str], ratios: dict[str, float], problems: dict[str, int], chosen: str) -> None:
    """Updates as multiples of those of the chosen mask."""
    colours = [CHOSEN if mask == chosen else OTHERS for mask in order]
    axes.barh(range(len(order)), [ratios[mask] for mask in order], color=colours, height=0.7)
    for row, mask in enumerate(order):
        note = f"{ratios[mask]:.2f}, {problems[mask]} problems"
        axes.annotate(note, (ratios[mask], row), (4, 0), textcoords="offset points", va="center", color=INK, fontsize=8)
    axes.invert_yaxis()
    axes.set_xlim(0, 1.5 * max(ratios.values()))
    axes.set(xlabel="updates over the same problems, chosen mask = 1", title="What was learnable")


def _accumulated(table: ProblemTable, mask: str) -> np.ndarray:
    """Updates up to each problem, mean over the seeds, as far as all of them went."""
    updates = updates_matrix(table, mask, solved=False)
    return np.cumsum(updates[:, np.isfinite(updates).all(axis=0)].mean(axis=0))


def _names(mask: str, groups: Sequence[str]) -> str:
    return ", ".join(group for group, digit in zip(groups, mask, strict=True) if digit == "1") or "none"
