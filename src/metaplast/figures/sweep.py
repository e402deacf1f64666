"""The figure of a sweep: updates to criterion over the learning rate, and the rate that was chosen."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import NullFormatter

from metaplast.analysis.sweep.rate_scores import remark
from metaplast.figures.style import INK, MUTED, canvas, light_grid, palette, plain_logarithmic


def sweep(models: dict[str, Any], limit: int) -> Figure:
    """Left: the score of every model over its rates, a dot a seed and a ring around the choice. Right: problems solved.

    `models` is that part of the summary of a sweep; `limit` the updates at which an unsolved problem counts.
    """
    figure = canvas(10.0, 4.6 + 0.24 * ((len(models) + 1) // 2))
    scores, solved = figure.subplots(1, 2, width_ratios=(1.5, 1.0))
    handles = []
    for (name, found), colour in zip(models.items(), palette(list(models)).values(), strict=True):
        _scores(scores, found, colour)
        rates = [one["rate"] for one in found["scores"]]
        shares = [100 * one["solved"] / one["problems"] for one in found["scores"]]
        solved.plot(rates, shares, "o-", color=colour, linewidth=1.6, markersize=4)
        note = remark(found["chosen"])
        text = f"{name}: {found['chosen']['rate']:g}{f'  ({note})' if note else ''}"
        handles.append(Line2D([], [], color=colour, linewidth=3, label=text))
    scores.axhline(limit, color=MUTED, linewidth=0.9, dashes=(4, 2))
    place = ("axes fraction", "data")
    scores.annotate("limit: nothing solved", (0.01, limit), (0, 4), place, "offset points", color=MUTED, fontsize=8.5)
    least = min(min(one["by_seed"]) for found in models.values() for one in found["scores"])
    scores.set(yscale="log", ylabel="updates to criterion, mean", title="Score; ring: the rate that is chosen")
    scores.set_ylim(0.7 * least, 1.4 * limit)  # if nothing was solved all scores are one, which spans no axis
    plain_logarithmic(scores.yaxis)
    solved.set(ylim=(-4, 104), ylabel="pilot problems solved (%)", title="Solved")
    tried = sorted({one["rate"] for found in models.values() for one in found["scores"]})
    for axes in (scores, solved):
        axes.set(xscale="log", xlabel="learning rate", xlim=(0.7 * tried[0], 1.4 * tried[-1]))
        axes.set_xticks(tried, [f"{rate:g}" for rate in tried])
        axes.xaxis.set_minor_formatter(NullFormatter())
        light_grid(axes)
    figure.legend(handles=handles, loc="outside lower center", ncols=min(2, len(handles)), fontsize=9.5)
    return figure


def _scores(axes: Axes, found: dict[str, Any], colour: str) -> None:
    """One model: seeds as dots, their mean as a line, a ring around the choice."""
    rates = [one["rate"] for one in found["scores"]]
    means = [one["score"] for one in found["scores"]]
    seeds = np.array([one["by_seed"] for one in found["scores"]])
    axes.plot(rates, seeds, ".", color=colour, markersize=4, alpha=0.4)
    axes.plot(rates, means, "-", color=colour, linewidth=2.0)
    place = rates.index(found["chosen"]["rate"])
    axes.plot(rates[place], means[place], "o", markersize=11, markerfacecolor="none", markeredgecolor=INK, zorder=5)
    axes.plot(rates[place], means[place], "o", markersize=5, color=colour, zorder=5)
