"""The figure of a search for channels: every mask that was tried, how far, and what the best of them have."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from metaplast.analysis.search.channel_pilot_rows import PilotRow
from metaplast.figures.search import CHOSEN, OTHERS
from metaplast.figures.style import INK, MUTED, canvas, light_grid

SHOWN = 20
"""Masks of which it is told what they have: those that went furthest, and of these the best."""


def pilot(rows: Sequence[PilotRow], groups: Sequence[str], chosen: str, objective: str) -> Figure:
    """Left: error (or loss) on the examples held out after each epoch, mean over the seeds. Right: the best masks.

    The mask `chosen` is drawn in colour; a dot where a mask was dropped, perhaps early.
    """
    curves = {mask: _curve(rows, mask, objective) for mask in sorted({row.mask for row in rows})}
    # What is no number compares with nothing; it is the worst.
    order = sorted(curves, key=lambda mask: (-len(curves[mask]), np.nan_to_num(curves[mask][-1], nan=np.inf), mask))
    shown = order[:SHOWN] if chosen in order[:SHOWN] or chosen not in order else [*order[: SHOWN - 1], chosen]
    figure = canvas(12.0, max(3.6, 1.6 + 0.32 * len(shown)))
    left, right = figure.subplots(1, 2, width_ratios=(1.0, 1.0))
    for mask in reversed(order):
        colour, wide = (CHOSEN, 2.4) if mask == chosen else (MUTED, 0.8)
        values = curves[mask]
        left.plot(np.arange(len(values)) + 1, values, color=colour, linewidth=wide)
        left.plot(len(values), values[-1], "o", color=colour, markersize=3.5)
    left.set(xlabel="epochs", ylabel=f"{objective}, examples held out", title=f"Under each mask, {chosen} in colour")
    left.set_ylim(bottom=0)
    light_grid(left)
    _bars(right, shown, curves, chosen, objective)
    right.set_yticks(range(len(shown)), [_names(mask, groups) for mask in shown])
    return figure


def _bars(axes: Axes, shown: list[str], curves: dict[str, np.ndarray], chosen: str, objective: str) -> None:
    """Where each mask stood when it was dropped, or at the end."""
    ends = [curves[mask][-1] for mask in shown]
    axes.barh(range(len(shown)), ends, color=[CHOSEN if mask == chosen else OTHERS for mask in shown], height=0.7)
    for row, (mask, end) in enumerate(zip(shown, ends, strict=True)):
        note = f"{end:.3g}, {len(curves[mask])} epochs"
        axes.annotate(
            note,
            (end if np.isfinite(end) else 0.0, row),
            (4, 0),
            textcoords="offset points",
            va="center",
            color=INK,
            fontsize=8,
        )
    axes.invert_yaxis()
    axes.set_xlim(0, 1.5 * max((end for end in ends if np.isfinite(end)), default=0.0) or 1.0)
    axes.set(xlabel=f"{objective} after its last epoch", title="What was present")


def _curve(rows: Sequence[PilotRow], mask: str, objective: str) -> np.ndarray:
    """Mean over the seeds after each epoch, as far as all of them went."""
    found: dict[int, list[float]] = {}
    for row in sorted(row for row in rows if row.mask == mask):
        found.setdefault(row.seed, []).append(getattr(row, f"held_out_{objective}"))
    length = min(len(values) for values in found.values())
    return np.mean([values[:length] for values in found.values()], axis=0)


def _names(mask: str, groups: Sequence[str]) -> str:
    """What is present, layer by layer: `hidden1: sbp+stbp, output: stbp`."""
    layers: dict[str, list[str]] = {}
    for group, digit in zip(groups, mask, strict=True):
        layer, _, channel = group.rpartition(".")
        if digit == "1":
            layers.setdefault(layer or "all layers", []).append(channel)
    return ", ".join(f"{layer}: {'+'.join(channels)}" for layer, channels in layers.items())
