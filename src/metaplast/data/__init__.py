"""Data sets, how they are encoded in spikes, and how examples are varied; `load` finds them by name."""

from metaplast.data.augment import Augmentation
from metaplast.data.base import Dataset, Split
from metaplast.data.camera import Camera
from metaplast.data.encode import CODINGS
from metaplast.data.events import EVENT_SETS as RECORDINGS
from metaplast.data.events import Binning
from metaplast.data.films import FILMS
from metaplast.data.static import STATIC

EVENT_SETS = RECORDINGS | FILMS
"""Loaders of event data by name: recordings, and films that the simulated camera makes of still images."""
DATASETS = (*STATIC, *EVENT_SETS)
"""Names of the data sets."""


def load(name: str, root: str = "", *, download: bool = False, binning: Binning | None = None) -> Dataset:
    """A data set by name.

    `root` is its folder; left out, METAPLAST_DATA or ./data. Nothing is downloaded unless `download` says so.
    `binning` is how recordings of events become frames.

    Raises:
        ValueError: an unknown name, or files that are not what they should be.
        FileNotFoundError: files that are not there.
        ConnectionError: a download that failed.
        ModuleNotFoundError: a data set that needs an optional package.
    """
    if name in STATIC:
        return STATIC[name](root, download)
    if name in EVENT_SETS:
        return EVENT_SETS[name](binning or Binning(), root, download)
    raise ValueError(f"data.name is {name!r}; there are: {', '.join(DATASETS)}")


__all__ = ["CODINGS", "DATASETS", "Augmentation", "Binning", "Camera", "Dataset", "Split", "load"]
