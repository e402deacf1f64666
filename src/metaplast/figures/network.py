"""Figures of one network: a trial as it runs, and what learning did to its neurons."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from metaplast.analysis.networks.drift import is_logarithmic, unit_of
from metaplast.figures.style import FAINT, INK, MUTED, PALETTE, canvas, light_grid, plain_logarithmic

Arrays = Mapping[str, np.ndarray]
MEMBRANES = 3
NEUTRAL = "#9a9a9a"


def trial(arrays: Arrays, name: str) -> Figure:
    """One recorded trial over time (ms): inputs, spikes, three membranes, readout.

    `arrays` as in trials/<condition>-seed<seed>.npz: see `metaplast.runs`.
    """
    figure = canvas(9.0, 8.2)
    heights = (1.1, 2.6, *[0.62] * MEMBRANES, 1.5)
    panels = list(figure.subplots(len(heights), 1, sharex=True, height_ratios=heights))
    inputs, raster, *membranes, readout = panels
    chosen = _chosen(arrays["spikes"])
    colours = dict(zip(chosen, (PALETTE[0], PALETTE[1], PALETTE[2]), strict=False))
    _inputs(figure, inputs, arrays)
    if _spikes(arrays):
        _raster(raster, arrays, colours)
    else:
        _graded(figure, raster, arrays)
    _membranes(membranes, arrays, colours)
    _readout(readout, arrays)
    _periods(panels, arrays)
    readout.set_xlim(0, len(arrays["spikes"]) * float(arrays["dt"]))
    readout.set_xlabel("time (ms)")
    figure.suptitle(f"One trial after learning: {name}", x=0.01, ha="left", fontsize=11, fontweight="bold")
    figure.align_ylabels(panels)
    return figure


def _spikes(arrays: Arrays) -> bool:
    """Whether the cells sent spikes and not graded values."""
    return bool(np.isin(arrays["spikes"], (0, 1)).all())


def _times(arrays: Arrays) -> np.ndarray:
    """Middle of every step, in ms."""
    return (np.arange(len(arrays["spikes"])) + 0.5) * float(arrays["dt"])


def _chosen(spikes: np.ndarray) -> list[int]:
    """Neurons whose membranes are shown: a busy, a middling and a quiet one of those that spike."""
    counts = spikes.sum(axis=0)
    order = np.argsort(-counts, kind="stable")
    active = order[: max(int((counts > 0).sum()), min(MEMBRANES, len(order)))]
    places = (np.array([0.1, 0.5, 0.9]) * (len(active) - 1)).round().astype(int)
    return [int(neuron) for neuron in dict.fromkeys(active[places].tolist())]


def _inputs(figure: Figure, axes: Axes, arrays: Arrays) -> None:
    inputs = arrays["inputs"]
    largest = max(float(np.abs(inputs).max()), 1e-9)
    signed = bool((inputs < 0).any())
    extent = (0.0, len(inputs) * float(arrays["dt"]), inputs.shape[1] - 0.5, -0.5)
    image = axes.imshow(
        inputs.T,
        aspect="auto",
        interpolation="nearest",
        extent=extent,
        cmap="RdBu_r" if signed else "Greys",
        vmin=-largest if signed else 0.0,
        vmax=largest,
    )
    bar = figure.colorbar(image, cax=axes.inset_axes((1.012, 0.0, 0.014, 1.0)))
    bar.ax.tick_params(labelsize=8)
    bar.ax.yaxis.set_major_locator(MaxNLocator(3))
    axes.yaxis.set_major_locator(MaxNLocator(4, integer=True))
    axes.set_ylabel("input\nchannel")


def _raster(axes: Axes, arrays: Arrays, colours: Mapping[int, str]) -> None:
    """Spikes, neurons in the order of their first spike, from the bottom; the silent ones, on top, are not shown."""
    spikes, times = arrays["spikes"] > 0, _times(arrays)
    first = np.where(spikes.any(axis=0), spikes.argmax(axis=0), len(spikes))
    order = np.lexsort((-spikes.sum(axis=0), first))
    step, row = np.nonzero(spikes[:, order])
    ink = np.array([colours.get(int(neuron), INK) for neuron in order])
    wide = np.array([2.6 if int(neuron) in colours else 1.4 for neuron in order])
    half = np.where(wide[row] > 1, 0.8, 0.42)
    axes.vlines(times[step], row - half, row + half, colors=ink[row].tolist(), linewidths=wide[row])
    active, neurons = int(spikes.any(axis=0).sum()), spikes.shape[1]
    axes.set_ylim(-1, max(active, 1))
    axes.yaxis.set_major_locator(MaxNLocator(5, integer=True))
    axes.set_ylabel("neuron, by\nfirst spike")
    rate = spikes.mean() / float(arrays["dt"]) * 1e3
    note = f"{active} of {neurons} neurons spike\nmean rate {rate:.3g} Hz"
    axes.annotate(note, (1.01, 1.0), xycoords="axes fraction", va="top", color=MUTED, fontsize=8.5)


def _graded(figure: Figure, axes: Axes, arrays: Arrays) -> None:
    """Graded activity as an image, cells in the order of the time of their largest value."""
    values = arrays["spikes"][:, np.argsort(np.abs(arrays["spikes"]).argmax(axis=0), kind="stable")]
    signed = bool((values < 0).any())
    largest = max(float(np.abs(values).max()), 1e-9)
    image = axes.imshow(
        values.T,
        aspect="auto",
        interpolation="nearest",
        origin="lower",
        extent=(0.0, len(values) * float(arrays["dt"]), -0.5, values.shape[1] - 0.5),
        cmap="RdBu_r" if signed else "Greys",
        vmin=-largest if signed else 0.0,
        vmax=largest,
    )
    bar = figure.colorbar(image, cax=axes.inset_axes((1.012, 0.0, 0.014, 1.0)))
    bar.ax.tick_params(labelsize=8)
    axes.set_ylabel("unit, by time\nof its peak")


def _membranes(panels: list[Axes], arrays: Arrays, colours: Mapping[int, str]) -> None:
    times = _times(arrays)
    spiking = _spikes(arrays)
    for axes, (neuron, colour) in zip(panels, colours.items(), strict=False):
        voltage, spikes = arrays["voltage"][:, neuron], arrays["spikes"][:, neuron] > 0
        axes.plot(times, voltage, color=colour, linewidth=1.3)
        if "threshold" in arrays:
            thresholds = np.broadcast_to(arrays["threshold"], arrays["spikes"].shape[1:])
            axes.axhline(thresholds[neuron], color=MUTED, linewidth=0.9, dashes=(4, 3))
        if spiking:
            axes.plot(times[spikes], voltage[spikes], "o", color=colour, markersize=2.8)
        axes.yaxis.set_major_locator(MaxNLocator(3, steps=[1, 2, 5, 10]))
        axes.annotate(
            f"neuron {neuron}", (1.01, 0.5), xycoords="axes fraction", va="center", color=colour, fontsize=8.5
        )
    for axes in panels[len(colours) :]:
        axes.set_axis_off()
    panels[len(panels) // 2].set_ylabel("membrane\nvoltage" if spiking else "value")


def _spans(steps: np.ndarray, dt: float) -> list[tuple[float, float]]:
    """Start and length in ms of every run of true steps."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], steps, [False]]).astype(int)))
    return [(float(start) * dt, float(stop - start) * dt) for start, stop in zip(edges[::2], edges[1::2], strict=True)]


def _readout(axes: Axes, arrays: Arrays) -> None:
    """Softmax of the readout, the target as a band above it, and the time of the decision shaded."""
    logits, target, times, dt = arrays["output"], arrays["target"].astype(int), _times(arrays), float(arrays["dt"])
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    counted = arrays["mask"] > 0
    # Runs written before the names were kept have none.
    names = arrays.get("output_names", [f"output {output}" for output in range(logits.shape[1])])
    for output, probability in enumerate((powers / powers.sum(axis=1, keepdims=True)).T):
        colour = PALETTE[output % len(PALETTE)]
        axes.plot(times, probability, color=colour, linewidth=1.8, label=str(names[output]))
        for shown, strength in ((counted, 1.0), (~counted, 0.3)):
            spans = _spans((target == output) & shown, dt)
            axes.broken_barh(spans, (1.08, 0.12), facecolors=colour, alpha=strength, linewidth=0)
    axes.broken_barh(_spans(arrays["decision"] > 0, dt), (0, 1.02), facecolors="#efefef", linewidth=0, zorder=0)
    axes.annotate("target", (1.01, 1.135), xycoords=("axes fraction", "data"), va="center", color=MUTED, fontsize=8.5)
    axes.set_ylim(-0.03, 1.22)
    axes.set_yticks([0.0, 0.5, 1.0])
    axes.set_ylabel("readout\nprobability")
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 0.86), handlelength=1.2, borderaxespad=0.2)


def _periods(panels: list[Axes], arrays: Arrays) -> None:
    """Thin lines where a period of the trial ends, and the names of the periods on top."""
    if "period_ends_ms" not in arrays:
        return
    ends = arrays["period_ends_ms"].astype(float)
    for axes in panels:
        for end in ends[:-1]:
            axes.axvline(end, color=FAINT if axes is not panels[0] else MUTED, linewidth=0.8, zorder=0.5)
    for name, start, end in zip(arrays["period_names"], np.append(0.0, ends[:-1]), ends, strict=True):
        place = ((start + end) / 2, 1.04)
        panels[0].annotate(
            str(name), place, xycoords=("data", "axes fraction"), ha="center", va="bottom", color=MUTED, fontsize=9
        )


def changed(start: Arrays, end: Arrays) -> dict[str, bool]:
    """For each path, whether learning moved any of its values."""
    return {path: not np.array_equal(start[path], end[path]) for path in start}


def intrinsic(start: Arrays, end: Arrays, name: str, colour: str) -> Figure:
    """Intrinsic parameters before and after learning, one column a parameter: histograms, and value against value."""
    figure = canvas(max(3.0 * len(start), 6.0), 5.9)
    columns = figure.subplots(2, len(start), squeeze=False, height_ratios=(1.0, 1.45)).T
    for (histogram, scatter), path in zip(columns, start, strict=True):
        _column(histogram, scatter, path, (start[path], end[path]), colour)
    columns[0][0].set_ylabel("neurons")
    figure.legend(*columns[0][0].get_legend_handles_labels(), loc="upper right", ncols=2, borderaxespad=0.1)
    figure.suptitle(f"Intrinsic parameters: {name}", x=0.01, ha="left", fontsize=11, fontweight="bold")
    return figure


def _column(histogram: Axes, scatter: Axes, path: str, values: tuple[np.ndarray, np.ndarray], colour: str) -> None:
    """One parameter: time constants in ms on logarithmic axes, everything else on linear ones."""
    owner, parameter = _label(path)
    limits = _limits(values, is_logarithmic(path, np.concatenate(values)))
    _histogram(histogram, values, limits, colour)
    _scatter(scatter, *values, colour)
    for axes, directions in ((histogram, "x"), (scatter, "xy")):
        for direction in directions:
            axes.set(**{f"{direction}scale": limits.scale, f"{direction}lim": (limits.low, limits.high)})
            if limits.scale == "log":
                plain_logarithmic(axes.xaxis if direction == "x" else axes.yaxis)
    scatter.set_box_aspect(1)
    histogram.set_title(f"{parameter}\n", fontsize=10.5)
    histogram.annotate(owner, (0, 1.03), xycoords="axes fraction", va="bottom", color=MUTED, fontsize=8.5)
    histogram.set_xlabel(unit_of(path) or "value")
    unit = f" ({unit_of(path)})" if unit_of(path) else ""
    scatter.set(xlabel=f"before learning{unit}", ylabel=f"after learning{unit}")


class Limits(NamedTuple):
    low: float
    high: float
    scale: str

    def bins(self, count: int = 25) -> list[float]:
        """Edges of `count` bins, equal on this scale."""
        spaced = np.geomspace if self.scale == "log" else np.linspace
        return spaced(self.low, self.high, count + 1).tolist()


def _limits(values: tuple[np.ndarray, np.ndarray], logarithmic: bool) -> Limits:
    """Range of the values before and after with a margin, a quarter of the value where there is only one."""
    low, high = min(float(part.min()) for part in values), max(float(part.max()) for part in values)
    if logarithmic and high > low:
        factor = (high / low) ** 0.05
        return Limits(low / factor, high * factor, "log")
    margin = 0.05 * (high - low) if high > low else 0.25 * abs(low) + 1e-6
    return Limits(low - margin, high + margin, "linear")


def _label(path: str) -> tuple[str, str]:
    """Owner and name of a parameter: `network.populations.recurrent.neuron.tau_soma` is `recurrent`, `tau_soma`."""
    *owner, parameter = path.split(".")
    words = [word for word in owner if word not in {"network", "populations", "neuron"}]
    return ".".join(words), parameter


def _histogram(axes: Axes, values: tuple[np.ndarray, np.ndarray], limits: Limits, colour: str) -> None:
    """Values before (grey) and after; values that are all the same become a line, as their bar would hide the rest."""
    for part, ink, label, dashes in zip(values, (NEUTRAL, colour), ("before", "after"), ("-", "--"), strict=True):
        if np.ptp(part) > 0:
            axes.hist(part, limits.bins(), color=ink, alpha=0.45, label=label)
            axes.hist(part, limits.bins(), color=ink, histtype="step", linewidth=1.2)
        else:
            axes.axvline(part[0], color=ink, linewidth=2.2, linestyle=dashes, label=label)
    axes.yaxis.set_major_locator(MaxNLocator(4, integer=True))
    if not axes.patches:
        axes.set_yticks([])
    light_grid(axes)


def _scatter(axes: Axes, start: np.ndarray, end: np.ndarray, colour: str) -> None:
    """Each neuron's value after learning against before; on the diagonal nothing happened."""
    axes.axline((start[0], start[0]), (2 * start[0] + 1, 2 * start[0] + 1), color=MUTED, linewidth=0.9, dashes=(4, 3))
    axes.plot(start, end, "o", color=colour, markersize=3.2, alpha=0.5, markeredgewidth=0)
    if np.array_equal(start, end):
        place = (0.06, 0.94)
        axes.annotate("unchanged\nby learning", place, xycoords="axes fraction", va="top", color=MUTED, fontsize=9.5)
    light_grid(axes, "both")
