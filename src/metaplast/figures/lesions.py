"""The figure of lesions: what each bin of a property costs when it is lost, against neurons drawn by lot."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from metaplast.analysis.networks.drift import unit_of
from metaplast.analysis.networks.lesion_table import RANDOM, LesionTable
from metaplast.analysis.networks.lesions import Effect, cost_matrix, dependence, effects, properties
from metaplast.analysis.statistics import Interval
from metaplast.figures.style import FAINT, MUTED, canvas, light_grid

ROWS = {"loss": "increase of the loss\nat once (nats)", "updates": "additional updates for\nthe next problem"}
"""Costs that are drawn, and what they are called."""
LEVEL = 0.05
"""Corrected p-value below which a bin is marked as different from lots."""
KEY = "grey: as many neurons drawn by lot, mean and interval    filled dot: differs from them    small dots: seeds"


def lesions(table: LesionTable, condition: str, colour: str) -> Figure:
    """One column a property, bins from the smallest to the largest values: the loss at once, and the cost to relearn.

    Large dots are means over seeds with their intervals, filled where they differ from lots; small dots are seeds. The
    grey band is the interval of neurons drawn by lot.

    Raises:
        ValueError: no property groups the neurons of this condition, or a seed lacks a bin.
    """
    if not properties(table, condition):
        raise ValueError(f"the neurons of condition {condition!r} are grouped by no property; there is nothing to draw")
    *found, control = effects(table, condition)
    matters = {one.property: one for one in dependence(table, condition)}
    figure = canvas(max(3.3 * len(matters), 6.6), 5.9)
    grid = figure.subplots(len(ROWS), len(matters), squeeze=False, sharex="col", sharey="row")
    for row, (cost, label) in zip(grid, ROWS.items(), strict=True):
        for axes, (name, one) in zip(row, matters.items(), strict=True):
            of_property = [effect for effect in found if effect.property == name]
            seeds = cost_matrix(table, condition, name, cost)
            _panel(axes, of_property, seeds, getattr(control, cost), cost, colour)
            censored = sum(effect.censored for effect in of_property) if cost == "updates" else 0
            _note(axes, getattr(one, f"p_{cost}"), control.seeds, censored)
        row[0].set_ylabel(label)
    for axes, name in zip(grid[0], matters, strict=True):
        axes.set_title(f"grouped by {name}")
    for axes, name in zip(grid[-1], matters, strict=True):
        _label_bins(axes, [effect for effect in found if effect.property == name], name)
    figure.suptitle(_title(table, condition, control.seeds), x=0.01, ha="left", fontsize=11, fontweight="bold")
    figure.supxlabel(KEY, x=0.01, ha="left", color=MUTED, fontsize=8.5)
    return figure


def _title(table: LesionTable, condition: str, seeds: int) -> str:
    counts = table.neurons[(table.condition == condition) & (table.property == RANDOM)]
    size = str(counts.min()) if np.ptp(counts) == 0 else f"{counts.min()} or {counts.max()}"
    return f"Lesions of {size} neurons: {condition}, {seeds} seed{'s' if seeds > 1 else ''}"


def _panel(axes: Axes, found: Sequence[Effect], seeds: np.ndarray, control: Interval, cost: str, colour: str) -> None:
    """One cost over the bins of one property."""
    places, means = np.arange(1, len(found) + 1), [getattr(effect, cost).mean for effect in found]
    axes.margins(y=0.16)
    if np.isfinite(control.low):
        axes.axhspan(control.low, control.high, color=FAINT, linewidth=0, zorder=0)
    axes.axhline(control.mean, color=MUTED, linewidth=1.2, dashes=(4, 2), zorder=1)
    axes.axhline(0.0, color=MUTED, linewidth=0.8, zorder=1)
    axes.plot(places + 0.16, seeds.T, ".", color=colour, markersize=4.5, alpha=0.7, markeredgewidth=0, zorder=2)
    for place, effect in zip(places, found, strict=True):
        value: Interval = getattr(effect, cost)
        differs = getattr(effect, f"p_{cost}") < LEVEL
        axes.plot([place, place], [value.low, value.high], color=colour, linewidth=1.8, zorder=3)
        face = colour if differs else "white"
        axes.plot(place, value.mean, "o", color=colour, markerfacecolor=face, markersize=6.5, zorder=4)
    axes.plot(places, means, color=colour, linewidth=0.8, alpha=0.5, zorder=2)
    light_grid(axes)


def _note(axes: Axes, p_value: float, seeds: int, censored: int) -> None:
    """Whether it matters which bin is lost, and how many costs are not known to their end."""
    text = f"bins differ: p = {p_value:.2g}" if seeds > 1 else "one seed: no test"
    text += f"\n{censored} unsolved" if censored else ""
    axes.annotate(text, (0.98, 0.98), xycoords="axes fraction", ha="right", va="top", color=MUTED, fontsize=8.5)


def _label_bins(axes: Axes, found: Sequence[Effect], name: str) -> None:
    """The range of the values of each bin under its place."""
    axes.set_xticks(range(1, len(found) + 1), [f"{effect.low:.3g}\nto {effect.high:.3g}" for effect in found])
    axes.tick_params(axis="x", labelsize=8)
    axes.set_xlim(0.5, len(found) + 0.5)
    axes.set_xlabel(f"{name} ({unit_of(name)})" if unit_of(name) else name)
