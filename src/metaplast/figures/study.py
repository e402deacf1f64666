"""Figures of a study: panels side by side, conditions in one colour throughout."""

from collections.abc import Iterable, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, NullLocator

from metaplast.analysis.learning_to_learn.curves import moving_mean
from metaplast.analysis.learning_to_learn.goudar import criterion_window, seed_trials
from metaplast.analysis.study.evidence import LATE, TOTAL, Compared, Evidence
from metaplast.analysis.study.panels import BI_LEVEL, FIRST, MASK, STANDARD, Panel
from metaplast.figures.goudar import goudar
from metaplast.figures.style import INK, MUTED, PALETTE, canvas, light_grid, plain_logarithmic, png, style

FAMILIES_ABLATIONS, FAMILIES_BASELINES, FAMILIES_RATIOS = "families-ablations", "families-baselines", "families-ratios"
REGIMES_RATIOS, FIT = "regimes-ratios", "published-fit"
"""Names of the figures."""
COARSE = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50)
FINE = (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1, 1.2, 1.4, 1.7, 2, 2.5, 3, 4, 5)
"""Ticks of an axis of ratios."""
WINDOW = 30
"""Most problems in the moving mean of the curves."""
COLOURS = (*PALETTE, "#8a8a8a", "#d0a868", "#a06c2c", "#5c3a10")


def colours(names: Iterable[str]) -> dict[str, str]:
    """One colour a condition, the first conditions always the same."""
    order = [*FIRST, *(name for name in dict.fromkeys(names) if name not in FIRST)]
    return {name: COLOURS[place % len(COLOURS)] for place, name in enumerate(order)}


def draw_study(evidence: Evidence) -> dict[str, bytes]:
    """Every figure for which there are data, by name, as PNG; the same data give the same bytes."""
    results, figures = evidence.results, {}
    colour = colours(name for panel in results.panels.values() for name in panel.conditions if not _is_mask(name))
    families = [results.panels[name] for name in results.families if name in results.panels]
    baselines = list(dict.fromkeys(name for panel in families for name in panel.baselines()))
    controls = [name for name in colour if name not in FIRST and name not in baselines]
    names = {panel.name for panel in families}
    with style():
        if families:
            figures[FAMILIES_ABLATIONS] = png(curves(families, [*FIRST, *controls], colour))
        if baselines:
            figures[FAMILIES_BASELINES] = png(curves(families, [BI_LEVEL, STANDARD, *baselines], colour))
        for name, chosen in ((FAMILIES_RATIOS, True), (REGIMES_RATIOS, False)):
            compared = [one for one in evidence.comparisons if (one.panel in names) == chosen]
            if compared:
                figures[name] = png(ratios(compared, colour))
        if evidence.fits:
            figures[FIT] = png(_fits(evidence))
    return figures


def _is_mask(name: str) -> bool:
    return name.startswith(MASK)


def _fits(evidence: Evidence) -> Figure:
    trials, fits = {}, {one.name: one.fit.fit for one in evidence.fits}
    for member in evidence.results.members:
        if member.fit and member.run:
            table, window = member.run.problems(), criterion_window(member.run)
            for condition in table.conditions():
                for seed, values in seed_trials(table, condition, window).items():
                    trials[f"{member.name} {condition} {seed}"] = values
    return goudar(trials, fits)


def curves(panels: Sequence[Panel], shown: Sequence[str], colour: dict[str, str]) -> Figure:
    """Updates to criterion over the sequence, one axes a panel: the mean over seeds, smoothed, and failures above."""
    columns = 2 if len(panels) > 1 else 1
    rows = -(-len(panels) // columns)
    figure = canvas(5.4 * columns, 3.1 * rows + 0.5)
    axes = np.atleast_1d(figure.subplots(rows, columns, squeeze=False)).ravel()
    there: list[str] = []
    for one, panel in zip(axes, panels, strict=False):
        names = [name for name in shown if name in panel.conditions]
        there += [name for name in names if name not in there]
        _curves(one, panel, names, colour)
    for spare in axes[len(panels) :]:
        spare.set_axis_off()
    handles = [Line2D([], [], color=colour[name], linewidth=3, label=name) for name in shown if name in there]
    figure.legend(handles=handles, loc="outside lower center", ncols=min(3 * columns, len(handles)), fontsize=9)
    return figure


def _curves(axes: Axes, panel: Panel, names: Sequence[str], colour: dict[str, str]) -> None:
    ticks = 0
    for name in reversed(names):  # the first, of which the study is, on top of all others
        found = panel.conditions[name]
        index = np.arange(found.problems) + 1
        # Failed problems count with what was spent on them, as in the tables.
        smooth = np.array([moving_mean(row, WINDOW) for row in found.updates])
        axes.plot(index, smooth.mean(axis=0), color=colour[name], linewidth=1.8)
        if len(smooth) > 1:
            half = smooth.std(axis=0, ddof=1) / len(smooth) ** 0.5
            low, high = smooth.mean(axis=0) - half, smooth.mean(axis=0) + half
            axes.fill_between(index, np.maximum(low, 0.5), high, color=colour[name], alpha=0.18, linewidth=0)
        failed = index[(found.solved < 1).any(axis=0)]
        if len(failed) and found.pooled == 1:
            top = axes.get_xaxis_transform()
            height = np.full(len(failed), 1.02 + 0.03 * ticks)
            axes.plot(failed, height, "|", color=colour[name], ms=4, transform=top, clip_on=False)
            ticks += 1
    axes.set(xscale="log", yscale="log", xlabel="problem in the sequence", ylabel="updates to criterion")
    plain_logarithmic(axes.xaxis)
    plain_logarithmic(axes.yaxis)
    light_grid(axes, "both")
    axes.set_title(panel.name, pad=6 + 6 * ticks)  # above the ticks, a row a condition


def ratios(compared: Sequence[Compared], colour: dict[str, str]) -> Figure:
    """Updates of bi-level over those of each other condition, with intervals: whole sequence filled, its end open."""
    panels = list(dict.fromkeys(one.panel for one in compared))
    references = {panel: [one.reference for one in compared if one.panel == panel] for panel in panels}
    references = {panel: list(dict.fromkeys(names)) for panel, names in references.items()}
    columns = 2 if len(panels) > 1 else 1
    places = [panels[start : start + columns] for start in range(0, len(panels), columns)]
    heights = [max(len(references[panel]) for panel in row) + 1.5 for row in places]
    figure = canvas(5.4 * columns, 0.9 + 0.25 * sum(heights))
    axes = figure.subplots(len(places), columns, squeeze=False, sharex=True, height_ratios=heights)
    for place, (one, panel) in enumerate(zip(axes.ravel(), panels, strict=False)):
        _ratios(one, [found for found in compared if found.panel == panel], references[panel], colour)
        one.set(title=panel, ylim=(heights[place // columns] - 1.9, -0.6))
    for spare in axes.ravel()[len(panels) :]:
        spare.set_axis_off()
    _label_ratios(figure, axes.ravel()[0])
    return figure


def _ratios(axes: Axes, compared: Sequence[Compared], references: Sequence[str], colour: dict[str, str]) -> None:
    for one in compared:
        found, whole = one.comparison.ratio, one.measure == TOTAL
        row, shade = references.index(one.reference) + (-0.14 if whole else 0.18), colour[one.reference]
        if np.isfinite(found.low):
            axes.plot([found.low, found.high], [row, row], color=shade, linewidth=1.6)
        axes.plot(found.mean, row, "o", color=shade, mfc=shade if whole else "white", markersize=4.5, mew=1.2)
    axes.axvline(1.0, color=INK, linewidth=0.8)
    axes.set_xscale("log")
    axes.set_yticks(range(len(references)), references)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.grid(True, axis="x", color="#ececec", linewidth=0.7)
    axes.set_axisbelow(True)


def _label_ratios(figure: Figure, axes: Axes) -> None:
    """Plain numbers on the axis that all panels share: closer together where it is short."""
    low, high = axes.get_xlim()
    ticks = COARSE if high / low > 5 else FINE
    axes.set_xticks([tick for tick in ticks if low <= tick <= high])
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_locator(NullLocator())
    figure.supxlabel("updates of bi-level as a fraction of the other's (left of 1: bi-level needs fewer)", fontsize=9.5)
    names = f"filled: {TOTAL}    open: {LATE} (final efficiency)    line: 95 % Student's t interval over seeds"
    figure.suptitle(names, color=MUTED, fontsize=8.5)
