"""The figure of the robustness matrix."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from metaplast.analysis.classification.robustness import (
    RobustnessRow,
    curve,
    disturbance,
    kinds_of,
    levels_of,
    value_at,
)
from metaplast.analysis.statistics import interval
from metaplast.figures.style import PALETTE, canvas, light_grid


def robustness(rows: Sequence[RobustnessRow]) -> Figure:
    """Accuracy against the level of disturbance: a panel a kind, a line a condition, bars the interval over seeds."""
    kinds, names = kinds_of(rows), list(dict.fromkeys(row.condition for row in rows))
    columns = min(3, len(kinds))
    lines = -(-len(kinds) // columns)
    figure = canvas(11.0, 0.9 + 2.75 * lines)
    grid = figure.subplots(lines, columns, squeeze=False, sharey=True)
    for place, axes in enumerate(grid.ravel()):
        if place >= len(kinds):
            axes.axis("off")
            continue
        for number, name in enumerate(names):
            levels = curve(rows, name, kinds[place])
            found = [interval(100 * np.array(values)) for values in levels.values()]
            means = np.array([one.mean for one in found])
            style = "-" if number < len(PALETTE) else "--"
            colour = PALETTE[number % len(PALETTE)]
            axes.plot(list(levels), means, style, color=colour, linewidth=1.6, marker="o", markersize=2.5, label=name)
            spread = np.array([[one.mean - one.low, one.high - one.mean] for one in found]).T
            if np.isfinite(spread).all():
                axes.errorbar(list(levels), means, spread, fmt="none", ecolor=colour, elinewidth=0.7)
        axes.set_title(kinds[place], fontsize=9)
        axes.set_ylim(0, 102)
        _levels(axes, kinds[place], levels_of(rows))
        light_grid(axes)
    for row in grid:
        row[0].set_ylabel("right (%)")
    handles, labels = grid[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=min(6, len(names)))
    return figure


def _levels(axes: Axes, kind: str, levels: Sequence[int]) -> None:
    """Levels on the axis, and beneath each its physical value, if it has one."""
    known = disturbance(kind)
    values = [value_at(kind, level) for level in levels]
    axes.set_xticks(levels, [f"{level}\n{_short(value)}" for level, value in zip(levels, values, strict=True)])
    axes.set_xlabel(f"level; {known.unit}" if known else "level", fontsize=8.5)


def _short(value: float) -> str:
    return f"{value:.2g}" if np.isfinite(value) else ""
