"""The figure of tasks learned one after the other."""

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from metaplast.analysis.classification.epochs import EpochTable
from metaplast.figures.style import INK, MUTED, canvas, light_grid

SHADES = colormaps["viridis"]
NAMED = 6
"""Tasks of which each has its own line in the legend; of more, only the first and the last."""


def sequence(table: EpochTable, epochs: int) -> Figure:
    """Accuracy on each task over the epochs: a panel a condition, a line a task, `epochs` of each between the marks."""
    names = table.conditions()
    columns = min(3, len(names))
    lines = -(-len(names) // columns)
    figure = canvas(11.0, 0.9 + 2.5 * lines)
    grid = figure.subplots(lines, columns, squeeze=False, sharex=True, sharey=True)
    for axes in grid.ravel()[len(names) :]:
        axes.axis("off")
    for name, axes in zip(names, grid.ravel(), strict=False):
        _tasks(axes, table, name, epochs)
        axes.set_title(name, fontsize=9)
    for axes in grid[:, 0]:
        axes.set_ylabel("right (%)")
    for axes in grid.ravel()[max(len(names) - columns, 0) : len(names)]:
        axes.set_xlabel("epochs")
        axes.xaxis.set_tick_params(labelbottom=True)
    handles, labels = grid[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels))
    return figure


def _tasks(axes: Axes, table: EpochTable, condition: str, epochs: int) -> None:
    """Seeds thin, their mean bold; all tasks together in black."""
    columns = table.columns(condition, "task")
    tasks = len(columns)
    for place, column in enumerate(columns):
        start = table.curve(condition, f"start.{place + 1}")[:, :1]
        curves = 100 * np.concatenate([start, table.curve(condition, column)], axis=1)
        shade = SHADES(0.9 * place / max(tasks - 1, 1))
        when = np.arange(curves.shape[1])
        if len(curves) > 1:
            axes.plot(when, curves.T, color=shade, linewidth=0.5, alpha=0.35)
        label = f"task {place + 1}" if tasks <= NAMED or place in (0, tasks - 1) else None
        axes.plot(when, curves.mean(0), color=shade, linewidth=1.6, label=label)
    mean = 100 * np.mean([table.curve(condition, column) for column in columns], axis=(0, 1))
    axes.plot(np.arange(1, len(mean) + 1), mean, ":", color=INK, linewidth=1.4, label="mean of all")
    for task in range(1, tasks):
        axes.axvline(task * epochs, color=MUTED, linewidth=0.5, alpha=0.6)
    axes.set_ylim(0, 101)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    light_grid(axes)
