"""Figures of a run, drawn from its directory alone."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter

from metaplast.analysis.learning_to_learn.curves import (
    counted,
    counted_problems,
    explained,
    exponential_fit,
    mean_over_seeds,
    moving_mean,
    updates_matrix,
)
from metaplast.analysis.learning_to_learn.within import read_within
from metaplast.analysis.networks.drift import is_intrinsic
from metaplast.analysis.networks.lesion_table import read_lesions
from metaplast.analysis.networks.lesions import properties
from metaplast.analysis.networks.measurements import write_measurements
from metaplast.analysis.search.channel_pilot_rows import PilotRow
from metaplast.figures.lesions import lesions
from metaplast.figures.measurements import measured
from metaplast.figures.network import changed, intrinsic, trial
from metaplast.figures.pilot import pilot
from metaplast.figures.search import search
from metaplast.figures.style import (
    MUTED,
    PNG,
    Form,
    canvas,
    light_grid,
    palette,
    plain_logarithmic,
    png,
    style,
)
from metaplast.figures.sweep import sweep
from metaplast.figures.within import within
from metaplast.runs import ProblemTable, RunDirectory, network_name, trial_name, write_atomically

WINDOW = 30
"""Most problems in the moving mean of the learning curves."""
FEW = 30
"""Up to so many problems each is drawn as a dot that is seen by itself."""


def draw_all(run: RunDirectory, form: Form = PNG) -> list[Path]:
    """Draw every figure for which the run has data into figures/*; the same data give the same bytes.

    Analyses that the figures show and that are not on disk yet are made first, see `write_measurements`.
    """
    with style():
        drawn = ((run.figures / f"{name}.{form.suffix}", figure) for name, figure in _figures(run))
        return [write_atomically(path, form.encode(figure)) for path, figure in drawn]


def draw_search(run: RunDirectory, groups: Sequence[str], chosen: str, limit: int) -> Path:
    """Draw what a search tried into figures/search.png, unsolved problems with `limit` updates, as they were scored."""
    with style():
        table = counted(run.problems(), limit)
        return write_atomically(run.figures / "search.png", png(search(table, groups, chosen)))


def draw_pilot(run: RunDirectory, rows: Sequence[PilotRow], groups: Sequence[str], chosen: str, objective: str) -> Path:
    """Draw what a search for channels tried into figures/search.png; the objective is "error" or "loss"."""
    with style():
        return write_atomically(run.figures / "search.png", png(pilot(rows, groups, chosen, objective)))


def draw_sweep(run: RunDirectory, models: dict[str, Any], limit: int) -> Path:
    """Draw what a sweep over learning rates tried into figures/sweep.png; `models` as in its summary."""
    with style():
        return write_atomically(run.figures / "sweep.png", png(sweep(models, limit)))


def _figures(run: RunDirectory) -> Iterator[tuple[str, Figure]]:
    table = counted_problems(run)
    if len(table):
        yield "learning", learning(table)
    colours = palette(table.conditions())
    for condition in table.conditions():
        recorded = [seed for seed in table.seeds(condition) if run.has_arrays(trial_name(condition, seed))]
        if recorded:
            arrays = run.read_arrays(trial_name(condition, recorded[0]))
            yield f"trial-{condition}", trial(arrays, f"{condition}, seed {recorded[0]}")
    for condition, (start, end) in _shown_intrinsic(run, table).items():
        yield f"intrinsic-{condition}", intrinsic(start, end, condition, colours[condition])
    lost = read_lesions(run)
    for condition in (name for name in lost.conditions() if properties(lost, name)):
        yield f"lesions-{condition}", lesions(lost, condition, colours[condition])
    if within_rows := read_within(run):
        bound = run.config.get("criterion", {}).get("loss_below", 0.0)
        yield "within", within(within_rows, colours, bound)
    yield from measured(run, table, write_measurements(run), colours)


Parameters = dict[str, np.ndarray]


def intrinsic_parameters(run: RunDirectory, condition: str, seeds: Iterable[int]) -> tuple[Parameters, Parameters]:
    """Intrinsic parameters of one condition before and after learning: path to values, all seeds in one row."""
    start: dict[str, list[np.ndarray]] = {}
    end: dict[str, list[np.ndarray]] = {}
    for seed in seeds:
        names = network_name(condition, seed, "start"), network_name(condition, seed, "end")
        if not all(run.has_arrays(name) for name in names):
            continue
        for values, name in zip((start, end), names, strict=True):
            for path, value in run.read_arrays(name).items():
                if is_intrinsic(path):
                    values.setdefault(path, []).append(value.ravel())
    # A path that only one of the two files holds cannot be compared.
    both = [path for path in start if path in end]
    return {path: np.concatenate(start[path]) for path in both}, {path: np.concatenate(end[path]) for path in both}


def _shown_intrinsic(run: RunDirectory, table: ProblemTable) -> dict[str, tuple[Parameters, Parameters]]:
    """Conditions in which an intrinsic parameter changed; if none did, the first, whose figure then says so."""
    found = {name: intrinsic_parameters(run, name, table.seeds(name)) for name in table.conditions()}
    found = {condition: pair for condition, pair in found.items() if pair[0]}
    moved = {condition: pair for condition, pair in found.items() if any(changed(*pair).values())}
    return moved or dict(list(found.items())[:1])


def learning(table: ProblemTable) -> Figure:
    """Updates a problem on logarithmic axes, and beside it the updates accumulated over the sequence."""
    conditions = table.conditions()
    figure = canvas(11.0, 4.8 + 0.24 * (len(conditions) // 2))
    curves, accumulated = figure.subplots(1, 2, width_ratios=(1.3, 1.0))
    handles = []
    for place, (condition, colour) in enumerate(palette(conditions).items()):
        fit = learning_curves(curves, table, condition, colour, 0.3 if len(conditions) < 4 else 0.13)
        total = accumulated_updates(accumulated, table, condition, colour)
        _failures(curves, table.select(table.condition == condition), colour, 1.0 + 0.02 * place)
        handles.append(Line2D([], [], color=colour, linewidth=3, label=f"{condition}:  {fit}; {total:,.0f} in total"))
    _label_curves(curves)
    _label_accumulated(accumulated)
    figure.legend(handles=handles, loc="outside lower center", ncols=min(2, len(handles)), fontsize=9.5)
    return figure


def learning_curves(axes: Axes, table: ProblemTable, condition: str, colour: str, strength: float) -> str:
    """Each seed's problems as dots, the moving mean over seeds bold, the exponential fit dashed; the fit in words."""
    solved = updates_matrix(table, condition)
    index = np.arange(solved.shape[1])
    size, alpha = (3.2, strength) if len(index) > FEW else (6.0, 0.8)
    axes.plot(index + 1, solved.T, ".", color=colour, markersize=size, alpha=alpha, markeredgewidth=0)
    mean = mean_over_seeds(solved)
    axes.plot(index + 1, moving_mean(mean, WINDOW), color=colour, linewidth=2.2)
    fit = exponential_fit(mean)
    if not fit.converged:
        return "no exponential fits"
    smooth = np.linspace(0, index[-1], max(len(index), 200))
    axes.plot(smooth + 1, fit(smooth), color=colour, linewidth=1.4, dashes=(4, 2))
    floor = fit.floor if fit.floor >= 0.01 else 0.0  # updates are whole numbers: less is rounding
    return f"a = {fit.amplitude:.3g}, T = {fit.scale:.3g}, c = {floor:.3g}, R² = {explained(fit, mean):.2f}"


def accumulated_updates(axes: Axes, table: ProblemTable, condition: str, colour: str) -> float:
    """Updates spent up to each problem, failed ones included: seeds thin, their mean bold; the last mean."""
    totals = np.cumsum(updates_matrix(table, condition, solved=False), axis=1)
    index = np.arange(totals.shape[1]) + 1
    axes.plot(index, totals.T, color=colour, linewidth=0.7, alpha=0.5)
    mean = totals.mean(axis=0)
    axes.plot(index, mean, color=colour, linewidth=2.2)
    return float(np.append(0.0, mean[np.isfinite(mean)])[-1])


def _failures(axes: Axes, rows: ProblemTable, colour: str, height: float) -> None:
    """A cross on the top edge for each problem that did not reach its criterion."""
    failed = rows.problem[~rows.solved] + 1
    # An empty line outside the axes has no extent, which would push the layout aside.
    if len(failed):
        top = axes.get_xaxis_transform()
        axes.plot(failed, np.full(len(failed), height), "x", color=colour, ms=5, transform=top, clip_on=False, zorder=5)


def _label_curves(axes: Axes) -> None:
    if not np.isfinite(axes.dataLim.intervaly).all():  # no problem was solved, and nothing has no logarithm
        axes.set_ylim(1, 10)
    axes.set_xscale("log")
    axes.set_yscale("log")
    plain_logarithmic(axes.xaxis)
    plain_logarithmic(axes.yaxis)
    light_grid(axes, "both")
    axes.set_xlabel("problem in the sequence")
    axes.set_ylabel("updates to criterion")
    axes.set_title("Updates to solve each problem", pad=26)
    key = f"line: mean of ≤ {WINDOW} problems, all seeds    dashes: a exp(-x / T) + c    cross: not solved"
    axes.annotate(key, (0, 1), (0, 11), "axes fraction", "offset points", color=MUTED, fontsize=8.5)


def _label_accumulated(axes: Axes) -> None:
    axes.set_ylim(bottom=0)
    axes.set_xlim(left=0)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    light_grid(axes)
    axes.set_xlabel("problems learned")
    axes.set_ylabel("updates, accumulated")
    axes.set_title("Updates spent so far", pad=26)
    note = "bold: mean over seeds, failed problems included"
    axes.annotate(note, (0, 1), (0, 11), "axes fraction", "offset points", color=MUTED, fontsize=8.5)
