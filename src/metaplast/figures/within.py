"""The figure of the loss within problems: how it falls, update by update, early and late in the sequence."""

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from metaplast.analysis.learning_to_learn.within import WithinRow, courses, median_course
from metaplast.figures.course import Colours, condition_legend, shown_colours
from metaplast.figures.style import MUTED, canvas, light_grid, plain_logarithmic

SHOWN = 8
"""Most panels of the figure; of more problems some are left out, evenly."""
COLUMNS = 4


def within(rows: Sequence[WithinRow], colours: Colours, bound: float) -> Figure:
    """Loss against update, both on logarithmic axes: a panel a problem, seeds thin, their median bold.

    `bound` is the mean loss that the criterion asks for, dashed; 0 is none.
    """
    colours, problems = shown_colours(rows, colours), shown_problems(rows)
    lines = math.ceil(len(problems) / COLUMNS)
    columns = math.ceil(len(problems) / lines)
    figure = canvas(max(3.1 * columns, 5.5), 0.9 + 2.9 * lines)
    grid = figure.subplots(lines, columns, squeeze=False, sharex=True, sharey=True)
    for axes in grid.flat[len(problems) :]:
        axes.set_axis_off()
    for axes, problem in zip(grid.flat, problems, strict=False):
        for condition, colour in colours.items():
            _lines(axes, list(courses(rows, condition, problem).values()), colour)
        if bound > 0:
            axes.axhline(bound, color=MUTED, linewidth=1.0, dashes=(4, 2), zorder=1)
        axes.set_title(f"problem {problem + 1:,}")
        axes.set(xscale="log", yscale="log")
        plain_logarithmic(axes.xaxis)
        plain_logarithmic(axes.yaxis)
        light_grid(axes, "both")
    for axes in grid[:, 0]:
        axes.set_ylabel("task loss (nats)")
    for axes in grid.flat[max(len(problems) - columns, 0) : len(problems)]:  # the lowest of each column
        axes.tick_params(labelbottom=True)
        axes.set_xlabel("update")
    condition_legend(figure, colours)
    return figure


def shown_problems(rows: Sequence[WithinRow]) -> list[int]:
    """At most `SHOWN` of the problems, the first and the last among them."""
    problems = sorted({row.problem for row in rows})
    places = np.linspace(0, len(problems) - 1, min(len(problems), SHOWN)).round().astype(int)
    return [problems[place] for place in places]


def _lines(axes: Axes, found: Sequence[np.ndarray], colour: str) -> None:
    """Seeds thin, with a dot where each was done; their median bold."""
    for losses in found:
        axes.plot(np.arange(len(losses)) + 1, losses, color=colour, linewidth=0.6, alpha=0.35)
        axes.plot(len(losses), losses[-1], ".", color=colour, markersize=4, alpha=0.7, markeredgewidth=0)
    if found:
        middle = median_course(found)
        axes.plot(np.arange(len(middle)) + 1, middle, color=colour, linewidth=1.8)
