"""Figures of the drift of intrinsic parameters over problems."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, to_rgb
from matplotlib.figure import Figure

from metaplast.analysis.networks.drift import DensityRow, DriftRow, unit_of
from metaplast.figures.course import Colours, condition_legend, course, heading, label_course, shown_colours
from metaplast.figures.style import FAINT, INK, MUTED, canvas, light_grid, plain_logarithmic

LIFT = 2.6
"""Height of the tallest ridge, in distances between ridges."""


def parameters_of(rows: Sequence[DriftRow] | Sequence[DensityRow]) -> list[str]:
    """Paths of the parameters, in the order of the table."""
    return list(dict.fromkeys(row.parameter for row in rows))


def moved(rows: Sequence[DriftRow], condition: str) -> list[str]:
    """Parameters that learning moved in a condition."""
    return list(dict.fromkeys(row.parameter for row in rows if row.condition == condition and row.distance > 0))


def short_names(paths: Sequence[str]) -> dict[str, str]:
    """For each path the parameter itself, such as `tau_soma`, or, where two would be called alike, whose it is too."""
    last = [path.rsplit(".", 1)[-1] for path in paths]
    whole = [path.removeprefix("network.").removeprefix("populations.") for path in paths]
    pairs = zip(paths, last, whole, strict=True)
    return {path: name if last.count(name) == 1 else longer for path, name, longer in pairs}


def drift(rows: Sequence[DriftRow], colours: Colours) -> Figure:
    """Distance from the start over problems, and the correlation with the start, one column a parameter."""
    paths = [path for path in parameters_of(rows) if any(row.distance > 0 for row in rows if row.parameter == path)]
    names, colours = short_names(paths), shown_colours(rows, colours)
    figure = canvas(max(3.5 * len(paths), 6.5), 5.9)
    columns = figure.subplots(2, len(paths), squeeze=False, sharex=True).T
    for (above, below), path in zip(columns, paths, strict=True):
        part = [row for row in rows if row.parameter == path]
        course(above, part, "distance", colours)
        course(above, part, "shift", colours, dashes=(3, 2))
        above.set_ylim(bottom=0)
        label_course(above, names[path], "bold: neurons   dashes: distribution", bottom=False)
        _correlation(below, part, colours)
    columns[0][0].set_ylabel("distance from the start")
    columns[0][1].set_ylabel("correlation with the start")
    condition_legend(figure, colours)
    return figure


def _correlation(axes: Axes, rows: Sequence[DriftRow], colours: Colours) -> None:
    label_course(axes, "")
    known = [row.correlation for row in rows if np.isfinite(row.correlation)]
    if known:
        course(axes, rows, "correlation", colours)
        axes.set_ylim(top=1.0 + 0.04 * max(1.0 - min(known), 0.01))
        return
    axes.set_yticks([])
    place = (0.5, 0.5)
    note = "all neurons start\nwith one value"
    axes.annotate(note, place, xycoords="axes fraction", ha="center", va="center", color=MUTED, fontsize=9.5)


def densities(rows: Sequence[DensityRow], condition: str, colour: str) -> Figure:
    """Densities of one condition over the neurons of all seeds: a ridge for each moment, the start at the bottom."""
    rows = [row for row in rows if row.condition == condition]
    paths = parameters_of(rows)
    names = short_names(paths)
    problems = sorted({row.problems for row in rows})
    figure = canvas(max(3.5 * len(paths), 6.0), 2.6 + 0.34 * len(problems))
    shades = LinearSegmentedColormap.from_list("moments", [FAINT, to_rgb(colour)])
    for axes, path in zip(figure.subplots(1, len(paths), squeeze=False)[0], paths, strict=True):
        part = [row for row in rows if row.parameter == path]
        _ridges(axes, part, problems, [shades(0.15 + 0.85 * place) for place in np.linspace(0, 1, len(problems))])
        axes.set_title(names[path])
        axes.set_xlabel(unit_of(path) or "value")
    figure.axes[0].set_ylabel("problems learned")
    heading(figure, f"Intrinsic parameters over problems: {condition}")
    return figure


def _ridges(axes: Axes, rows: Sequence[DensityRow], problems: Sequence[int], shades: Sequence[tuple]) -> None:
    """Later moments lie above and behind earlier ones; values that are all the same are a line."""
    ridges = {place: [row for row in rows if row.problems == place] for place in problems}
    heights = {place: np.array([row.density for row in ridge]) for place, ridge in ridges.items()}
    alone = {place: int((height > 0).sum()) == 1 for place, height in heights.items()}
    tallest = max((float(height.max()) for place, height in heights.items() if not alone[place]), default=1.0)
    for level, place in enumerate(problems):
        values = np.array([row.value for row in ridges[place]])
        order = 2 * (len(problems) - level)
        if alone[place]:
            peak = values[heights[place].argmax()]
            axes.plot([peak, peak], [level, level + 0.8 * LIFT], color=MUTED, linewidth=2.2, zorder=order)
        else:
            height = level + LIFT * heights[place] / tallest
            axes.fill_between(values, level, height, color=shades[level], alpha=0.9, linewidth=0, zorder=order)
            axes.plot(values, height, color="white", linewidth=1.6, zorder=order)
            axes.plot(values, height, color=INK, linewidth=0.7, zorder=order + 1)
            middle = np.interp(0.5, np.cumsum(heights[place]) / heights[place].sum(), np.arange(len(values)))
            axes.plot(np.interp(middle, np.arange(len(values)), values), level, "o", color=INK, ms=3.4, zorder=99)
        axes.axhline(level, color=FAINT, linewidth=0.6, zorder=0)
    if rows[0].scale == "log":
        axes.set_xscale("log")
        plain_logarithmic(axes.xaxis)
        axes.tick_params(axis="x", labelsize=8.5)
    axes.set_yticks(range(len(problems)), [f"{place:,}" for place in problems])
    axes.set_ylim(-0.4, len(problems) - 0.8 + LIFT)
    axes.set_xlim(min(row.value for row in rows), max(row.value for row in rows))
    axes.spines["left"].set_visible(False)
    axes.tick_params(axis="y", length=0)
    light_grid(axes, "y")
