"""The look of all figures: one palette, one set of sizes, the same bytes for the same data."""

import io
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any, NamedTuple

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter
from PIL import Image

# Okabe & Ito (2008), told apart with every kind of colour vision; their yellow, too pale for lines on white, is wine.
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#882255")
INK, MUTED, FAINT = "#222222", "#6b6b6b", "#d9d9d9"
DOTS_PER_INCH = 150

_STYLE: dict[Any, Any] = {
    "backend": "Agg",
    "font.family": "DejaVu Sans",
    "font.size": 9.5,
    "axes.titlesize": 10.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelcolor": INK,
    "axes.edgecolor": MUTED,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "legend.frameon": False,
    "legend.fontsize": 8.5,
    "text.color": INK,
    "lines.solid_capstyle": "butt",
    "path.simplify": True,
}


def style() -> AbstractContextManager[None]:
    """Draw inside `with style():`; what is set there is forgotten afterwards."""
    return rc_context(_STYLE)


def canvas(width: float, height: float) -> Figure:
    """An empty figure of this size in inches, laid out so that nothing overlaps."""
    return Figure(figsize=(width, height), dpi=DOTS_PER_INCH, layout="constrained")


def palette(names: Sequence[str]) -> dict[str, str]:
    """One colour a name, by position, so that a condition has the same colour in every figure of a run."""
    return {name: PALETTE[place % len(PALETTE)] for place, name in enumerate(names)}


def light_grid(axes: Axes, which: str = "y") -> None:
    """Thin lines behind the data."""
    axes.grid(True, axis="y" if which == "y" else "both", color="#ececec", linewidth=0.7)
    axes.set_axisbelow(True)


def plain_logarithmic(axis: Axis) -> None:
    """Ticks at 1, 2 and 5 of a logarithmic axis, written as plain numbers; set the scale first."""
    axis.set_major_locator(LogLocator(10, subs=(1.0, 2.0, 5.0)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_formatter(NullFormatter())


def png(figure: Figure) -> bytes:
    """The figure as PNG; without the library's version in it, the same data give the same bytes."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=DOTS_PER_INCH, facecolor="white", metadata={"Software": None})
    return buffer.getvalue()


def pdf(figure: Figure) -> bytes:
    """The figure as PDF, for print; without a date in it, the same data give the same bytes."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="pdf", facecolor="white", metadata={"CreationDate": None, "Producer": None})
    return buffer.getvalue()


class Form(NamedTuple):
    """How figures are put into files."""

    suffix: str
    encode: Callable[[Figure], bytes]


PNG, PDF = Form("png", png), Form("pdf", pdf)


def small_png(content: bytes, limit: int = 60_000, width: int = 1000) -> bytes:
    """A PNG of at most `limit` bytes: narrower, and with fewer colours, until it fits; the same bytes each time."""
    whole = Image.open(io.BytesIO(content)).convert("RGB")
    small = b""
    for wide, colours in ((width, 128), (width, 64), (round(0.75 * width), 64), (width // 2, 32), (width // 3, 16)):
        wide = min(wide, whole.width)
        size = wide, round(whole.height * wide / whole.width)
        # Colours as far apart as can be: the median cut gives thin lines of different conditions one colour.
        image = whole.resize(size, Image.Resampling.LANCZOS).quantize(
            colours, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE
        )
        buffer = io.BytesIO()
        image.save(buffer, format="PNG", optimize=True)
        small = buffer.getvalue()
        if len(small) <= limit:
            break
    return small
