"""Recordings of event cameras: reading them, and counting their events in frames."""

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import equinox as eqx
import numpy as np
from jaxtyping import Float

from metaplast.data.base import Dataset, Split, called
from metaplast.data.files import bare, folders, locate
from metaplast.data.static import DIGITS

EVENT_BYTES = 5
NMNIST_SIZE = (34, 34)
NMNIST_FOLDERS = ("NMNIST", "N-MNIST", "nmnist")
NMNIST_WHOLE = (60_000, 10_000)


class Events(NamedTuple):
    """Events of one recording, in the order of their times."""

    x: np.ndarray
    y: np.ndarray
    polarity: np.ndarray
    """1 where it became brighter, else 0."""
    time: np.ndarray
    """Microseconds."""


class Binning(eqx.Module):
    """How events become frames: `frames` of them, `milliseconds` each or, if that is 0, equal parts of a recording.

    Events after the last frame are left out. Squares of `pool` x `pool` pixels are counted as one.
    """

    frames: int = eqx.field(default=10, static=True)
    milliseconds: float = eqx.field(default=0.0, static=True)
    pool: int = eqx.field(default=1, static=True)

    def __check_init__(self) -> None:
        if self.frames < 1 or self.pool < 1 or not 0 <= self.milliseconds < float("inf"):
            raise ValueError(
                f"frames = {self.frames}, milliseconds = {self.milliseconds}, pool = {self.pool}; give at least one "
                "frame, a pool of at least 1, and milliseconds that are finite and not negative"
            )


def read_bin(path: Path, size: tuple[int, int] = NMNIST_SIZE) -> Events:
    """Events of an N-MNIST recording: five bytes an event, x, y, then polarity and 23 bits of microseconds.

    Raises:
        ValueError: an empty file, one cut short, or events outside of `size` (height, width).

    Reference: Orchard, Jayawant, Cohen & Thakor (2015), Frontiers in Neuroscience 9:437.
    """
    raw = np.frombuffer(path.read_bytes(), np.uint8)
    if not len(raw) or len(raw) % EVENT_BYTES:
        raise ValueError(
            f"{path} has {len(raw)} bytes, which are not whole events of {EVENT_BYTES}; it is cut short, fetch it again"
        )
    x, y, high, middle, low = raw.reshape(-1, EVENT_BYTES).astype(np.int32).T
    if y.max() >= size[0] or x.max() >= size[1]:
        raise ValueError(f"{path} has an event at x {x.max()}, y {y.max()}, outside of {size}; it is no such recording")
    return Events(x, y, high >> 7, (high & 0x7F) << 16 | middle << 8 | low)


def event_frames(
    events: Events, size: tuple[int, int], binning: Binning
) -> Float[np.ndarray, "time height width polarity"]:
    """Events counted in frames; pixels that fill no whole square of `pool` are left out.

    Raises:
        ValueError: times that run backwards by more than the recording lasts, or a pool larger than the image.
    """
    height, width = (length // binning.pool for length in size)
    if not height or not width:
        raise ValueError(f"pool is {binning.pool}, larger than the image of {size}; give less")
    frames = np.zeros((binning.frames, height, width, 2), np.float32)
    if not len(events.time):
        return frames
    # A recording begins with its first event: the clocks of some cameras run on between recordings.
    since = events.time.astype(np.int64) - int(events.time.min())
    long = binning.milliseconds * 1000.0 or (int(since.max()) + 1) / binning.frames
    frame = (since / long).astype(np.int64)
    y, x = events.y // binning.pool, events.x // binning.pool
    inside = (frame < binning.frames) & (y < height) & (x < width)
    np.add.at(frames, (frame[inside], y[inside], x[inside], events.polarity[inside].astype(np.int64)), 1.0)
    return frames


def nmnist(binning: Binning, root: str = "", download: bool = False) -> Dataset:
    """N-MNIST from folders {Train,Test}/<label>/*.bin; less than all of it is named as a subset.

    They are in one of `NMNIST_FOLDERS` below `root`, or in `root` itself, of which the name then tells nothing.

    Raises:
        FileNotFoundError: not there.
        ValueError: a broken recording, or none of some label.
    """
    names = [f"{folder}/Train" for folder in NMNIST_FOLDERS]
    folder = locate("n-mnist", bare(names, root) or names, root).parent
    train, test = (_recordings(folder / part, binning) for part in ("Train", "Test"))
    counts = len(train.labels), len(test.labels)
    told = f"N-MNIST (Orchard et al. 2015), {counts[0]:,} training and {counts[1]:,} test recordings of 34 x 34"
    name, told = called("n-mnist", told, counts == NMNIST_WHOLE)
    return Dataset(name, train, test, DIGITS, told)


def _recordings(folder: Path, binning: Binning) -> Split:
    paths = [(path, label) for label in range(10) for path in sorted((folder / str(label)).glob("*.bin"))]
    absent = sorted(set(range(10)) - {label for _, label in paths})
    if absent:
        raise ValueError(f"{folder} has no .bin recordings of label {absent[0]}; unpack the whole archive there")
    paths.sort(key=lambda found: found[0].name)  # by number, so that labels are mixed as in MNIST
    frames = np.stack([event_frames(read_bin(path), NMNIST_SIZE, binning) for path, _ in paths])
    return Split(frames, np.asarray([label for _, label in paths], np.int32))


class TonicSource(NamedTuple):
    """A data set that the package tonic reads."""

    kind: str
    """Its class in `tonic.datasets`."""
    split: bool
    """Whether it comes in a training and a test set; if not, every tenth example is tested."""
    classes: int
    title: str


TONIC = {
    "dvs-gesture": TonicSource("DVSGesture", True, 11, "DVS-Gesture (Amir et al. 2017)"),
    "cifar10-dvs": TonicSource("CIFAR10DVS", False, 10, "CIFAR10-DVS (Li et al. 2017), every tenth recording tested"),
    "shd": TonicSource("SHD", True, 20, "Spiking Heidelberg Digits (Cramer et al. 2020)"),
}


def from_tonic(name: str, binning: Binning, root: str = "", download: bool = False) -> Dataset:
    """A data set that the optional package tonic downloads and reads.

    Raises:
        ModuleNotFoundError: tonic is not installed.
        FileNotFoundError: no files, and `download` is off.
    """
    if find_spec("tonic") is None:
        raise ModuleNotFoundError(f"{name} is read by the package tonic; install it: pip install 'metaplast[events]'")
    from tonic import datasets  # pyright: ignore[reportMissingImports]

    source, folder = TONIC[name], folders(root)[0]
    kind = getattr(datasets, source.kind)
    # tonic downloads whatever is missing, asked or not.
    if not download and not (folder / source.kind).exists():
        raise FileNotFoundError(f"{name}: no {folder / source.kind}; put it there or set download = true")
    height, width = _two_dimensional(kind.sensor_size)
    read = lambda part: _tonic_split(part, (height, width), binning)  # noqa: E731
    if source.split:
        train, test = (read(kind(save_to=str(folder), train=train)) for train in (True, False))
    else:
        whole = read(kind(save_to=str(folder)))
        tested = np.arange(len(whole.labels)) % 10 == 9
        train, test = (Split(whole.inputs[part], whole.labels[part]) for part in (~tested, tested))
    return Dataset(name, train, test, tuple(map(str, range(source.classes))), source.title)


def _two_dimensional(sensor: tuple[int, ...]) -> tuple[int, int]:
    """(height, width) of tonic's (width, height, polarities); channels of sound are a row of pixels."""
    return sensor[1], sensor[0]


def _tonic_split(examples: Any, size: tuple[int, int], binning: Binning) -> Split:
    frames, labels = [], []
    for recorded, label in examples:
        names = recorded.dtype.names
        y = recorded["y"] if "y" in names else np.zeros(len(recorded), int)
        events = Events(recorded["x"].astype(int), y.astype(int), recorded["p"].astype(int), recorded["t"])
        frames.append(event_frames(events, size, binning))
        labels.append(label)
    return Split(np.stack(frames), np.asarray(labels, np.int32))


EVENT_SETS: dict[str, Callable[..., Dataset]] = {"n-mnist": nmnist} | {
    name: lambda binning, root="", download=False, name=name: from_tonic(name, binning, root, download)
    for name in TONIC
}
"""Loaders of recordings by name; they take a `Binning` first."""
