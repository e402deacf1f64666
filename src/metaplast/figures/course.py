"""A quantity over the problems of a sequence: the panel that the figures of an analysis have in common."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from metaplast.analysis.rows import lanes_of
from metaplast.figures.style import INK, MUTED, light_grid

Colours = Mapping[str, str]


def course(
    axes: Axes, rows: Sequence[Any], field: str, colours: Colours, dashes: tuple[float, float] | None = None
) -> None:
    """Each network thin, the mean over the seeds of each condition bold, over the problems learned."""
    for condition, colour in colours.items():
        of_condition = [row for row in rows if row.condition == condition]
        for _, seed in lanes_of(of_condition) if dashes is None else ():
            lane = [row for row in of_condition if row.seed == seed]
            axes.plot(*_line(lane, field), color=colour, linewidth=0.6, alpha=0.35)
        places, means = mean_course(of_condition, field)
        dashed: dict[str, Any] = {} if dashes is None else {"dashes": dashes}
        width, size = (2.2, 3.6) if dashes is None else (1.3, 0)
        axes.plot(places, means, "o-", color=colour, linewidth=width, markersize=size, markeredgewidth=0, **dashed)


def mean_course(rows: Sequence[Any], field: str) -> tuple[np.ndarray, np.ndarray]:
    """Problems learned, and the mean over seeds of a field after so many.

    Moments at which it is unknown for a seed are left out: without that seed the mean would be of others.
    """
    values: dict[int, list[float]] = {}
    for row in rows:
        values.setdefault(row.problems, []).append(getattr(row, field))
    means = {place: float(np.mean(found)) for place, found in sorted(values.items())}
    known = [place for place, mean in means.items() if np.isfinite(mean)]
    return np.array(known), np.array([means[place] for place in known])


def _line(rows: Sequence[Any], field: str) -> tuple[list[int], list[float]]:
    return [row.problems for row in rows], [getattr(row, field) for row in rows]


def label_course(axes: Axes, title: str, key: str = "", bottom: bool = True) -> None:
    """Title, a line below it that explains the lines, and the axis of problems."""
    axes.set_title(title, pad=20 if key else 8)
    if key:
        axes.annotate(key, (0, 1), (0, 6), "axes fraction", "offset points", color=MUTED, fontsize=8.5)
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    axes.margins(x=0.03)
    light_grid(axes)
    if bottom:
        axes.set_xlabel("problems learned")


def condition_legend(figure: Figure, colours: Colours) -> None:
    """Names of the conditions below everything."""
    handles = [Line2D([], [], color=colour, linewidth=3, label=name) for name, colour in colours.items()]
    figure.legend(handles=handles, loc="outside lower center", ncols=min(6, len(handles)), fontsize=9.5)


def heading(figure: Figure, words: str) -> None:
    """The title of the whole figure."""
    figure.suptitle(words, x=0.01, ha="left", fontsize=11, fontweight="bold", color=INK)


def shown_colours(rows: Sequence[Any], colours: Colours) -> dict[str, str]:
    """Colours of the conditions that have rows."""
    there = {row.condition for row in rows}
    return {name: colour for name, colour in colours.items() if name in there}
