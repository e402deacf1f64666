"""Figures of what neurons do: how often they fire, for how long they remember, and what they tell of."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from metaplast.analysis.networks.activity_rows import ActivityRow, SelectivityRow
from metaplast.figures.course import Colours, condition_legend, course, label_course, shown_colours
from metaplast.figures.style import canvas


def dynamics(rows: Sequence[ActivityRow], colours: Colours) -> Figure:
    """Activity, silent neurons, sparseness and time constants in the probe trials, over problems."""
    colours = shown_colours(rows, colours)
    figure = canvas(10.5, 6.2)
    (rate, silent), (tau, sparse) = figure.subplots(2, 2, sharex=True)
    spikes = rows[0].unit == "Hz"
    course(rate, rows, "mean", colours)
    course(rate, rows, "q50", colours, dashes=(3, 2))
    rate.set_ylabel("Hz" if spikes else "absolute value")
    rate.set_ylim(bottom=0)
    label_course(rate, "Firing rate" if spikes else "Activity", "bold: mean   dashes: median of the neurons", False)
    course(silent, rows, "silent", colours)
    _percent(silent)
    label_course(silent, "Silent neurons", "without any activity in the probe trials", False)
    course(tau, rows, "tau_q50", colours)
    course(tau, rows, "tau_q25", colours, dashes=(3, 2))
    tau.set_ylabel("ms")
    tau.set_ylim(bottom=0)
    memory = "Memory of the membranes" if spikes else "Memory of the units"
    label_course(tau, memory, "bold: median   dashes: lower quartile")
    course(sparse, rows, "sparseness", colours)
    sparse.set_ylim(0, 1)
    label_course(sparse, "Sparseness", "0: all neurons alike   1: one alone")
    condition_legend(figure, colours)
    return figure


def selectivity(rows: Sequence[SelectivityRow], colours: Colours) -> Figure:
    """What the activity tells of, period by period, over problems: choice above, stimulus below."""
    colours = shown_colours(rows, colours)
    periods = list(dict.fromkeys(row.period for row in rows))
    figure = canvas(max(2.7 * len(periods), 6.5), 5.6)
    panels = figure.subplots(2, len(periods), squeeze=False, sharex=True, sharey="row")
    for column, period in zip(panels.T, periods, strict=True):
        part = [row for row in rows if row.period == period]
        when = f"{part[0].start:g} to {part[0].end:g} ms"
        course(column[0], part, "choice", colours)
        course(column[0], part, "choice_chance", colours, dashes=(1, 1.5))
        label_course(column[0], period[:1].upper() + period[1:], when, False)
        course(column[1], part, "stimulus", colours)
        label_course(column[1], "")
    for axes in panels.flat:
        _percent(axes)
    panels[0, 0].set_ylabel("variance between choices")
    panels[1, 0].set_ylabel("between stimuli of one choice")
    condition_legend(figure, colours)
    return figure


def _percent(axes: Axes) -> None:
    axes.yaxis.set_major_formatter(PercentFormatter(1.0))
    axes.set_ylim(bottom=0)  # after all lines are there: it keeps the other end as it is then
