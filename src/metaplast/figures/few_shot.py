"""The figure of classes never seen before."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from metaplast.analysis.classification.few_shot import PIXELS, FewShotRow, few_shot_accuracy
from metaplast.analysis.statistics import Interval
from metaplast.figures.style import MUTED, PALETTE, canvas, light_grid


def few_shot(rows: Sequence[FewShotRow], ways: int) -> Figure:
    """Accuracy on new classes with its interval: a line a condition, a colour a readout; chance and pixels as marks."""
    found = few_shot_accuracy(rows)
    names = list(dict.fromkeys(condition for condition, _ in found))
    readouts = [name for name in dict.fromkeys(readout for _, readout in found) if name != PIXELS]
    figure = canvas(8.5, 1.5 + 0.5 * len(names))
    axes = figure.subplots()
    for place, readout in enumerate(readouts):
        offset = 0.16 * (place - (len(readouts) - 1) / 2)
        for line, name in enumerate(names):
            _dot(axes, line + offset, found[name, readout], PALETTE[place], readout if line == 0 else None)
    axes.axvline(100 / ways, color=MUTED, linestyle=":", linewidth=1.0, label="chance")
    nearest = [found[name, PIXELS].mean for name in names if (name, PIXELS) in found]
    if nearest:
        axes.axvline(
            100 * float(np.mean(nearest)), color=MUTED, linestyle="--", linewidth=1.0, label="nearest in pixels"
        )
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set(xlabel="right (%)", title="Classes never seen before")
    light_grid(axes, "both")
    figure.legend(loc="outside lower center", ncols=3)
    return figure


def _dot(axes: Axes, height: float, found: Interval, colour: str, label: str | None) -> None:
    """A mean, and its interval where there is one."""
    if np.isfinite(found.low):
        axes.plot([100 * found.low, 100 * found.high], [height, height], color=colour, linewidth=1.8)
    axes.plot(100 * found.mean, height, "o", color=colour, markersize=5.5, label=label)
