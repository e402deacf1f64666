"""Figures of decision and stimulus subspaces: their reuse over problems, and what the population does in them."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import PercentFormatter

from metaplast.analysis.networks.probes import Period
from metaplast.analysis.networks.subspace_rows import SubspaceRow
from metaplast.analysis.networks.subspaces import between_choices, leading, without
from metaplast.figures.course import Colours, condition_legend, course, heading, label_course, shown_colours
from metaplast.figures.style import MUTED, PALETTE, canvas, light_grid


def subspaces(rows: Sequence[SubspaceRow], colours: Colours) -> Figure:
    """Size of the subspaces, overlap with the moment before, and how far the choice is told in the same directions."""
    colours = shown_colours(rows, colours)
    figure = canvas(10.5, 6.4)
    (size, decision), (choice, stimulus) = figure.subplots(2, 2, sharex=True)
    course(size, rows, "decision", colours)
    course(size, rows, "stimulus", colours, dashes=(3, 2))
    label_course(size, "Share of all states", "bold: decision subspace   dashes: stimulus subspace", False)
    course(choice, rows, "axes_before", colours)
    course(choice, rows, "choice_null", colours, dashes=(1, 1.5))
    key = "of what tells the choices apart   dots: random directions"
    label_course(choice, "In the choice axes of the moment before", key)
    for axes in (size, choice):
        axes.set_ylim(0, 1)
        axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    for axes, name, field in ((decision, "Decision", ""), (stimulus, "Stimulus", "stimulus_")):
        course(axes, rows, f"{field}overlap", colours)
        course(axes, rows, f"{field}null" if field else "overlap_null", colours, dashes=(1, 1.5))
        axes.set_ylim(0, 1)
        key = "mean squared cosine of the angles   dots: random subspaces"
        label_course(axes, f"{name} subspace: overlap with the moment before", key, axes is stimulus)
    condition_legend(figure, colours)
    return figure


class Shown(NamedTuple):
    """The population at one moment: states averaged over the trials of each stimulus."""

    title: str
    states: np.ndarray
    """[time, stimuli, neurons]"""
    choice: np.ndarray
    """[stimuli]"""


def trajectories(moments: Sequence[Shown], periods: Sequence[Period], dt: float, name: str) -> Figure:
    """Membranes of the population along the axes of the last moment, one column a moment, one line a stimulus.

    Above along the axis that tells the choices apart best at the last moment, over time. Below in the plane of this
    axis and of the one in which the stimuli differ most otherwise.
    """
    last = moments[-1]
    axis = _one(between_choices(last.states, last.choice))
    other = _one(without(last.states - last.states.mean(axis=1, keepdims=True), axis))
    figure = canvas(0.6 + 3.3 * len(moments), 6.6)
    panels = figure.subplots(2, len(moments), squeeze=False, sharex="row", sharey="row", height_ratios=(1.0, 1.25))
    kinds = {choice: place for place, choice in enumerate(np.unique(np.concatenate([m.choice for m in moments])))}
    for (above, below), moment in zip(panels.T, moments, strict=True):
        along, across = (moment.states @ basis[:, 0] for basis in (axis, other))
        for line in range(moment.states.shape[1]):
            colour = PALETTE[kinds[moment.choice[line]] % len(PALETTE)]
            above.plot((np.arange(len(along)) + 0.5) * dt, along[:, line], color=colour, linewidth=1.2, alpha=0.85)
            below.plot(across[:, line], along[:, line], color=colour, linewidth=0.9, alpha=0.7)
            below.plot(across[0, line], along[0, line], "o", color=MUTED, markersize=3, zorder=5)
            below.plot(across[-1, line], along[-1, line], "o", color=colour, markersize=6, zorder=6)
        _periods(above, periods, dt)
        above.set_title(moment.title, pad=18)
        above.set_xlabel("time (ms)")
        below.set_xlabel("stimulus axis")
        light_grid(below, "both")
    panels[0, 0].set_ylabel("choice axis")
    panels[1, 0].set_ylabel("choice axis")
    handles = [
        Line2D([], [], color=PALETTE[place % len(PALETTE)], linewidth=3, label=f"choice {choice}")
        for choice, place in kinds.items()
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles), fontsize=9.5)
    heading(figure, f"Membranes of the population: {name}")
    return figure


def _one(states: np.ndarray) -> np.ndarray:
    """The direction in which the states are largest, [neurons, 1]; no direction at all where they are nothing."""
    basis = leading(states, 1)
    return basis if basis.shape[1] else np.zeros((states.shape[-1], 1))


def _periods(axes: Axes, periods: Sequence[Period], dt: float) -> None:
    """Lines between the periods of a trial, and their names."""
    for place, period in enumerate(periods):
        if place:
            axes.axvline(period.first * dt, color="#d9d9d9", linewidth=0.8, zorder=0)
        middle = (period.first + period.last) / 2 * dt
        axes.annotate(
            period.name,
            (middle, 1.03),
            xycoords=("data", "axes fraction"),
            ha="center",
            va="bottom",
            color=MUTED,
            fontsize=8,
        )
    axes.set_xlim(0, periods[-1].last * dt)
    light_grid(axes)
