"""The figure of the published fit: every seed's course, and its numbers beside the published ones."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from metaplast.analysis.learning_to_learn.curves import ExponentialFit, moving_mean
from metaplast.analysis.learning_to_learn.goudar import PUBLISHED, Published
from metaplast.figures.style import FAINT, INK, PALETTE, canvas, light_grid, plain_logarithmic

WINDOW = 30
NAMES = {"floor": "c (trials)", "scale": "T (problems)", "amplitude": "a (trials)"}


def goudar(trials: Mapping[str, np.ndarray], fits: Mapping[str, ExponentialFit]) -> Figure:
    """Left: trials to criterion of every network, smoothed, and its fit. Right: c, T and a over the published range.

    Both mappings go by the name of a network; `trials` begin at problem 0, which the fits leave out.
    """
    figure = canvas(10.5, 4.4)
    course, *strips = figure.subplots(1, 4, width_ratios=(3.0, 0.8, 0.8, 0.8))
    colour = {name: PALETTE[place % len(PALETTE)] for place, name in enumerate(trials)}
    for name, values in trials.items():
        index = np.arange(1, len(values))
        course.plot(index, values[1:], ".", color=colour[name], markersize=2, alpha=0.25, markeredgewidth=0)
        course.plot(index, moving_mean(values[1:], WINDOW), color=colour[name], linewidth=1.2)
        if fits[name].converged:
            course.plot(index, fits[name](index - 1), color=colour[name], linewidth=1.2, dashes=(4, 2))
    course.set(xscale="log", yscale="log", xlabel="problem in the sequence", ylabel="trials to criterion")
    course.set_title("Each network's course")
    plain_logarithmic(course.xaxis)
    plain_logarithmic(course.yaxis)
    light_grid(course, "both")
    for axes, (field, label) in zip(strips, NAMES.items(), strict=True):
        values = [getattr(fits[name], field) for name in trials]
        _strip(axes, PUBLISHED[field], values, list(colour.values()), label)
    handles = [
        Line2D([], [], color=INK, linewidth=1.2, label=f"mean of up to {WINDOW} problems"),
        Line2D([], [], color=INK, linewidth=1.2, dashes=(4, 2), label="a exp(-x / T) + c"),
        Line2D([], [], color=FAINT, linewidth=8, label="published range, its mean a line"),
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=3, fontsize=9)
    return figure


def _strip(axes: Axes, published: Published, values: Sequence[float], colours: Sequence[str], label: str) -> None:
    axes.axhspan(published.low, published.high, color=FAINT, linewidth=0)
    axes.axhline(published.mean, color=INK, linewidth=1.0)
    places = np.linspace(-0.3, 0.3, len(values)) if len(values) > 1 else np.zeros(len(values))
    axes.scatter(places, values, c=list(colours), s=28, zorder=3)
    axes.set(xlim=(-0.6, 0.6), xticks=[], title=label)
    highest = max([published.high, *(value for value in values if np.isfinite(value))])
    axes.set_ylim(0, 1.15 * highest)
