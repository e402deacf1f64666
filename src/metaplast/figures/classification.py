"""Figures of a classification run, drawn from its directory alone."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from metaplast.analysis.classification.epochs import EpochTable, mean_there, read_epochs
from metaplast.analysis.classification.few_shot import read_few_shot
from metaplast.analysis.classification.robustness import read_robustness
from metaplast.analysis.classification.tested import as_tested
from metaplast.analysis.statistics import interval
from metaplast.figures.few_shot import few_shot
from metaplast.figures.robustness import robustness
from metaplast.figures.sequence import sequence
from metaplast.figures.style import INK, MUTED, PALETTE, PNG, Form, canvas, light_grid, palette, style
from metaplast.run_names import contribution_name
from metaplast.runs import RunDirectory, write_atomically

Arrays = Mapping[str, np.ndarray]
FAR = 25.0
"""Points below the best within which no seed is left out of the picture, however many others are better."""


def draw_classification(run: RunDirectory, form: Form = PNG) -> list[Path]:
    """Draw every figure for which the run has data into figures/*; the same data give the same bytes."""
    with style():
        drawn = ((run.figures / f"{name}.{form.suffix}", figure) for name, figure in _figures(run))
        return [write_atomically(path, form.encode(figure)) for path, figure in drawn]


def _figures(run: RunDirectory) -> Iterator[tuple[str, Figure]]:
    table = read_epochs(run)
    if not table.rows:
        return
    colours = palette(list(run.config["channels"]))
    yield "accuracy", accuracy(table, as_tested("Test accuracy", run.config))
    if any(table.columns(name, "task") for name in table.conditions()):
        yield "sequence", sequence(table, run.config["training"]["epochs"])
    moving = [name for name in table.conditions() if _moves(table, name)]
    if moving:
        yield "gains", gains(table, moving, colours)
    unseen = read_few_shot(run)
    if unseen:
        yield "unseen", few_shot(unseen, run.config["few_shot"]["ways"])
    for name, merged in (("robustness", False), ("robustness-merged", True)):
        disturbed = read_robustness(run, merged=merged)
        if disturbed:
            yield name, robustness(disturbed)
    for condition in table.conditions():
        for seed in table.seeds(condition)[:1]:
            name = contribution_name(condition, seed)
            if run.has_arrays(name):
                yield f"contributions-{condition}", contributions(table, condition, run.read_arrays(name), colours)


def accuracy(table: EpochTable, title: str = "Test accuracy") -> Figure:
    """Left: accuracy over epochs, under `title`. Right: after the last one, with the interval over seeds."""
    names = table.conditions()
    colours = {name: PALETTE[place % len(PALETTE)] for place, name in enumerate(names)}
    dashes = {name: "-" if place < len(PALETTE) else "--" for place, name in enumerate(names)}
    figure = canvas(11.0, max(4.0, 1.4 + 0.34 * len(names)))
    curves, dots = figure.subplots(1, 2, width_ratios=(1.15, 1.0))
    for name in names:
        found = 100 * table.curve(name, "test_accuracy")
        epochs = np.arange(1, found.shape[1] + 1)
        style = {"color": colours[name], "linestyle": dashes[name]}
        if len(found) > 1:
            curves.plot(epochs, found.T, linewidth=0.6, alpha=0.4, **style)
        curves.plot(epochs, mean_there(found, axis=0), linewidth=1.9, label=name, **style)
        curves.plot(epochs[-1:], mean_there(found[:, -1:], axis=0), "o", markersize=3, color=colours[name])
    curves.set(xlabel="epochs", ylabel="right (%)", title=title)
    curves.xaxis.set_major_locator(MaxNLocator(integer=True))
    limits = _range([100 * table.curve(name, "test_accuracy") for name in names])
    curves.set_ylim(*limits)
    light_grid(curves)
    _last(dots, table, names, colours, limits[0])
    return figure


def _range(curves: Sequence[np.ndarray]) -> tuple[float, float]:
    """Limits that hold every seed at the top, and at the bottom what is at the end, though it began far below.

    What ends far below the others, such as a seed that broke, is left out, since it would squeeze them: far is both
    `FAR` points below the best, and one and a half interquartile ranges below the lower quartile (Tukey's fence).
    """
    ends = np.concatenate([curve[:, -1] for curve in curves])
    ends = ends[np.isfinite(ends)]
    if not len(ends):
        return 0.0, 100.0
    highest = max(float(np.nanmax(curve)) for curve in curves if np.isfinite(curve).any())
    lower, upper = np.percentile(ends, (25, 75))
    fence = min(highest - FAR, lower - 1.5 * (upper - lower))
    low = min(float(ends[ends >= fence].min()) - 0.5, highest - 2.0)
    margin = 0.05 * (highest - low)
    return max(low - margin, -margin), highest + margin


def _last(axes: Axes, table: EpochTable, names: Sequence[str], colours: Mapping[str, str], low: float) -> None:
    """Seeds, mean and interval of every condition; what lies below `low` is a triangle at the edge."""
    ends = np.concatenate([100 * table.last(name, "test_accuracy") for name in names])
    high = float(ends[np.isfinite(ends)].max(initial=low + 1.0))
    edge = low + 0.015 * (high - low)
    for row, name in enumerate(names):
        values = 100 * table.last(name, "test_accuracy")
        found, colour = interval(values), colours[name]
        axes.plot(values, np.full(len(values), row), "o", color=colour, alpha=0.35, markersize=4)
        if np.isfinite(found.low):
            axes.plot([found.low, found.high], [row, row], color=colour, linewidth=2.2)
        axes.plot(found.mean, row, "o", color=colour, markersize=7)
        if min(values) < low:
            axes.plot(edge, row, "<", color=colour, markersize=7)
        last = np.nanmax([*values, found.high, edge])
        label = f"{found.mean:.2f}"
        axes.annotate(label, (last, row), (8, 0), textcoords="offset points", va="center", color=INK, fontsize=8)
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    # Labels stand to the right of the last dot, and need some space there.
    axes.set_xlim(low, high + 0.2 * (high - low))
    axes.set(xlabel="right (%)", title="After the last epoch")
    light_grid(axes, "both")


def _moves(table: EpochTable, condition: str) -> bool:
    """Whether the gains of a condition change while it learns, and there is more than one."""
    columns = table.columns(condition, "gain")
    channels = {name.split(".")[2] for name in columns}
    curves = [table.curve(condition, name) for name in columns]
    return len(channels) > 1 and any((np.abs(curve - curve[:, :1]) > 1e-6).any() for curve in curves)


def gains(table: EpochTable, conditions: Sequence[str], colours: Mapping[str, str]) -> Figure:
    """Gains over epochs: a row a condition, a column a layer, one scale and one legend for all."""
    layers = list(dict.fromkeys(name.split(".")[1] for c in conditions for name in table.columns(c, "gain")))
    figure = canvas(3.4 * max(len(layers), 2), 1.1 + 2.0 * len(conditions))
    grid = figure.subplots(len(conditions), len(layers), squeeze=False, sharex=True, sharey=True)
    lines: dict[str, Line2D] = {}
    for row, condition in enumerate(conditions):
        for column, layer in enumerate(layers):
            axes = grid[row][column]
            for name in table.columns(condition, "gain"):
                _, of_layer, channel = name.split(".", 2)
                if of_layer == layer:
                    lines[channel] = _thin_and_bold(axes, table.curve(condition, name), colours[channel])
            axes.set_title(f"{condition}: {layer}", fontsize=9)
            light_grid(axes)
        grid[row][0].set_ylabel("gain")
    first = grid[0][0]
    first.set_ylim(bottom=min(0.0, first.get_ylim()[0]))
    for axes in grid[-1]:
        axes.set_xlabel("epochs")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    there = [channel for channel in colours if channel in lines]
    figure.legend([lines[channel] for channel in there], there, loc="outside upper center", ncols=min(len(there), 5))
    return figure


def _thin_and_bold(axes: Axes, curves: np.ndarray, colour: str) -> Line2D:
    """Seeds thin, their mean bold: the line of the mean."""
    epochs = np.arange(1, curves.shape[1] + 1)
    if len(curves) > 1:
        axes.plot(epochs, curves.T, color=colour, linewidth=0.6, alpha=0.4)
    mark = "o-" if curves.shape[1] == 1 else "-"
    (mean,) = axes.plot(epochs, mean_there(curves, axis=0), mark, color=colour, linewidth=1.9, markersize=3)
    return mean


def contributions(table: EpochTable, condition: str, arrays: Arrays, colours: Mapping[str, str]) -> Figure:
    """What each channel of one condition contributed: to currents, to changes, to the score, and to single answers."""
    first, last = (list(arrays[f"{end}_channels"]) for end in ("first", "last"))
    figure = canvas(11.0, 3.3 + 0.62 * len(first) + 0.6 * len(last) + 1.4)
    heights = 3.1, 0.62 * len(first) + 0.4, 0.6 * len(last) + 1.3
    parts: Any = figure.subfigures(3, 1, height_ratios=heights)
    top, middle, bottom = parts
    shares, changes, score = top.subplots(1, 3, width_ratios=(1.0, 1.2, 1.0))
    _stacked(shares, table, condition, colours)
    _changes(changes, table, condition, colours)
    _silenced(score, arrays, colours)
    _fields(middle, arrays, first, colours)
    _votes(bottom, arrays, last, colours)
    return figure


def _stacked(axes: Axes, table: EpochTable, condition: str, colours: Mapping[str, str]) -> None:
    names = table.columns(condition, "current")
    layers, seen = list(dict.fromkeys(name.split(".")[1] for name in names)), set()
    base = np.zeros(len(layers))
    for name in names:
        _, layer, channel = name.split(".", 2)
        row, share = layers.index(layer), 100 * float(mean_there(table.last(condition, name)))
        label = None if channel in seen else channel
        seen.add(channel)
        axes.bar(row, share, bottom=base[row], color=colours[channel], width=0.6, label=label)
        if share > 8:
            axes.text(row, base[row] + share / 2, f"{share:.0f}", ha="center", va="center", color="white", fontsize=8)
        base[row] += share
    axes.set_xticks(range(len(layers)), layers)
    axes.set(ylabel="share (%)", ylim=(0, 100), title="Of the current, at the end")
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.12), ncols=3)


def _changes(axes: Axes, table: EpochTable, condition: str, colours: Mapping[str, str]) -> None:
    """Shares in the weight change over epochs: full lines the first layer, dashed the last, dotted between."""
    names = table.columns(condition, "change")
    layers = list(dict.fromkeys(name.split(".")[1] for name in names))
    for name in names:
        _, layer, channel = name.split(".", 2)
        line = "-" if layer == layers[0] else "--" if layer == layers[-1] else ":"
        curve = 100 * mean_there(table.curve(condition, name), axis=0)
        axes.plot(np.arange(1, len(curve) + 1), curve, line, color=colours[channel], linewidth=1.8)
    ends = f"full: {layers[0]}, dashed: {layers[-1]}" if len(layers) > 1 else layers[0]
    axes.set(xlabel=f"epochs ({ends})", ylabel="share (%)", ylim=(-2, 102), title="Of the weight change")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    light_grid(axes)


def _silenced(axes: Axes, arrays: Arrays, colours: Mapping[str, str]) -> None:
    names = ["all", *(f"without {name}" for name in arrays["channels"])]
    values = [100 * float(arrays["intact"]), *(100 * arrays["silenced"])]
    shades = [MUTED, *(colours[name] for name in arrays["channels"])]
    axes.barh(range(len(names)), values, color=shades, height=0.65)
    for row, value in enumerate(values):
        axes.annotate(f"{value:.1f}", (value, row), (4, 0), textcoords="offset points", va="center", fontsize=8)
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    axes.set(xlabel="right (%)", xlim=(0, 118), title="A channel silenced")


def _fields(part: Figure, arrays: Arrays, channels: Sequence[str], colours: Mapping[str, str]) -> None:
    """Weights into some cells of the first layer as pictures, if the input is one; all on one scale a channel."""
    fields = arrays["fields"]
    grid = part.subplots(len(channels), fields.shape[1], squeeze=False)
    part.suptitle("Gain x weight into eight cells of the first layer", x=0.01, ha="left", fontsize=10.5, weight="bold")
    for row, channel in enumerate(channels):
        limit = _largest(fields[row])
        for column, axes in enumerate(grid[row]):
            shown = as_picture(fields[row, column])
            aspect = "equal" if len(shown) > 1 else "auto"
            axes.imshow(shown, cmap="RdBu_r", vmin=-limit, vmax=limit, aspect=aspect)
            axes.set_xticks([])
            axes.set_yticks([])
            for edge in axes.spines.values():
                edge.set(color=colours[channel], visible=True)
        grid[row][0].set_ylabel(f"{channel}\n±{limit:.2g}", fontsize=8, rotation=0, ha="right", va="center")


def _largest(values: np.ndarray) -> float:
    """Largest size of the finite values, 1 where all are zero or none is finite: the limit of an axis."""
    return float(np.abs(values[np.isfinite(values)]).max(initial=0.0)) or 1.0


def as_picture(values: np.ndarray) -> np.ndarray:
    """[height, width, channels] as a mean over channels; what is no picture becomes one row."""
    return values.mean(axis=-1) if values.ndim == 3 else values.reshape(1, -1)


def _votes(part: Figure, arrays: Arrays, channels: Sequence[str], colours: Mapping[str, str]) -> None:
    """Some test examples, and the current that each channel sends to the output cells."""
    votes, inputs, labels = arrays["votes"], arrays["input"], arrays["labels"]
    grid = part.subplots(1, 2 * len(labels), squeeze=False, width_ratios=[0.55, 1.0] * len(labels))[0]
    part.suptitle("Current into the output cells", x=0.01, ha="left", fontsize=10.5, weight="bold")
    limit = 1.1 * _largest(votes)
    for place, label in enumerate(labels):
        picture, bars = grid[2 * place : 2 * place + 2]
        picture.axis("off")
        picture.imshow(as_picture(inputs[place]), cmap="gray_r")
        classes = np.arange(votes.shape[-1])
        height = 0.8 / len(channels)
        for row, channel in enumerate(channels):
            offset = (row - (len(channels) - 1) / 2) * height
            bars.barh(classes + offset, votes[row, place], height, color=colours[channel])
        bars.set_yticks(classes)
        bars.tick_params(labelsize=7)
        bars.tick_params(axis="y", labelcolor=MUTED)
        bars.invert_yaxis()
        bars.set_xlim(-limit, limit)
        bars.axvline(0, color=MUTED, linewidth=0.6)
        # No colour of a channel: black and bold, on a grey band.
        bars.axhspan(int(label) - 0.5, int(label) + 0.5, color="#ececec", linewidth=0, zorder=0)
        bars.get_yticklabels()[int(label)].set(color="black", weight="bold", fontsize=9)
