"""Figures of the modules of a network: their course over problems, what goes with them, and the networks themselves."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from metaplast.analysis.networks.efficiency_correlations import EfficiencyRow, matched
from metaplast.analysis.networks.modularity import Modules
from metaplast.analysis.networks.modularity_rows import ModularityRow
from metaplast.figures.course import Colours, condition_legend, course, heading, label_course, shown_colours
from metaplast.figures.style import INK, MUTED, canvas, light_grid, plain_logarithmic
from metaplast.runs import ProblemTable

Networks = Mapping[str, Sequence[ModularityRow]]
NAMES = {"structural": "recurrent weights", "functional": "activity"}


def modularity(networks: Networks, colours: Colours) -> Figure:
    """Modularity, its z-score and the participation over problems: a row for each kind of network that has rows."""
    colours = shown_colours([row for rows in networks.values() for row in rows], colours)
    figure = canvas(10.5, 0.8 + 2.7 * len(networks))
    panels = figure.subplots(len(networks), 3, squeeze=False, sharex=True)
    for line, (name, rows) in zip(panels, networks.items(), strict=True):
        last = name == list(networks)[-1]
        course(line[0], rows, "modularity", colours)
        course(line[0], rows, "null_mean", colours, dashes=(3, 2))
        line[0].set_ylim(bottom=0)
        label_course(line[0], "Modularity Q", f"of the {NAMES[name]}   dashes: random networks", last)
        course(line[1], rows, "z", colours)
        line[1].axhspan(-2, 2, color="#efefef", linewidth=0, zorder=0)
        label_course(line[1], "z of Q", "against random networks   grey: within 2", last)
        course(line[2], rows, "participation", colours)
        label_course(line[2], "Participation", "mean over neurons", last)
        line[0].set_ylabel(NAMES[name])
    figure.align_ylabels(panels)
    condition_legend(figure, colours)
    return figure


def efficiency(networks: Networks, tests: Sequence[EfficiencyRow], table: ProblemTable, colours: Colours) -> Figure:
    """Modularity and participation against the updates of the problems that follow: a dot a network and moment."""
    colours = shown_colours([row for rows in networks.values() for row in rows], colours)
    figure = canvas(10.5, 0.9 + 3.5 * len(networks))
    panels = figure.subplots(len(networks), 2, squeeze=False, sharey=True)
    titles = {"modularity": "Modularity Q", "participation": "Participation"}
    for line, (name, rows) in zip(panels, networks.items(), strict=True):
        for axes, (measure, title) in zip(line, titles.items(), strict=True):
            for place, (condition, colour) in enumerate(colours.items()):
                pair = matched(rows, table, condition, measure)
                axes.plot(pair.measure.T, pair.updates.T, color=colour, linewidth=0.5, alpha=0.35)
                for seed, updates in zip(pair.measure, pair.updates, strict=True):
                    sizes = np.linspace(9, 42, len(pair.problems))
                    axes.scatter(seed, updates, s=sizes, color=colour, alpha=0.6, linewidths=0)
                told = _told(tests, condition, name, measure)
                offset = (0, 5 + 11 * (len(colours) - 1 - place))
                axes.annotate(told, (0, 1), offset, "axes fraction", "offset points", color=colour, fontsize=8)
            axes.set_title(f"{title} of the {NAMES[name]}", pad=9 + 11 * len(colours))
            axes.set_yscale("log")
            plain_logarithmic(axes.yaxis)
            light_grid(axes, "both")
            axes.set_xlabel(title)
        line[0].set_ylabel("updates of the next problems")
    condition_legend(figure, colours)
    return figure


def _told(tests: Sequence[EfficiencyRow], condition: str, network: str, measure: str) -> str:
    """The two tests of one condition in a line."""
    words = {"seed": "over problems", "moment": "over seeds"}
    found = {
        row.within: f"{words[row.within]} {row.effect:+.2f} (p = {row.p_corrected:.2g})"
        for row in tests
        if (row.condition, row.network, row.measure) == (condition, network, measure)
    }
    return f"rank correlation {', '.join(found.values())}" if found else ""


class Seen(NamedTuple):
    """One network to be shown."""

    title: str
    adjacency: np.ndarray
    found: Modules


def communities(networks: Sequence[Sequence[Seen]], name: str) -> Figure:
    """Networks as matrices, their neurons in the order of their communities, which are framed; a row a kind."""
    count = max(len(line) for line in networks)
    figure = canvas(0.6 + 3.3 * count, 0.5 + 3.5 * len(networks))
    panels = figure.subplots(len(networks), count, squeeze=False)
    for axes in panels.flat:
        axes.set_axis_off()
    for line, shown in zip(panels, networks, strict=True):
        strongest = max(float(np.quantile(one.adjacency, 0.995)) for one in shown)
        for axes, one in zip(line, shown, strict=False):
            _matrix(axes, one, strongest or 1.0)
    heading(figure, f"Communities: {name}")
    return figure


def _matrix(axes: Axes, seen: Seen, strongest: float) -> None:
    """Strong edges dark; within a community the neurons with the strongest edges come first."""
    community = np.where(seen.found.community < 0, seen.found.community.max() + 1, seen.found.community)
    order = np.lexsort((-seen.adjacency.sum(axis=0), community))
    axes.set_axis_on()
    axes.imshow(seen.adjacency[np.ix_(order, order)], cmap="Greys", vmin=0, vmax=strongest, interpolation="nearest")
    edge = 0
    for index in range(seen.found.community.max() + 1):
        size = int((community == index).sum())
        axes.plot(*_frame(edge - 0.5, size), color="#D55E00", linewidth=1.4, clip_on=False)
        edge += size
    axes.set_title(seen.title, fontsize=9.5)
    axes.xaxis.set_major_locator(MaxNLocator(3, integer=True))
    axes.yaxis.set_major_locator(MaxNLocator(3, integer=True))
    note = f"Q = {seen.found.quality:.3f}, {seen.found.community.max() + 1} communities"
    axes.set_xlabel(note, color=INK if np.isfinite(seen.found.quality) else MUTED, fontsize=8.5)


def _frame(corner: float, size: int) -> tuple[list[float], list[float]]:
    far = corner + size
    return [corner, far, far, corner, corner], [corner, corner, far, far, corner]
