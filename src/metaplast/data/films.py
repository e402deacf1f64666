"""Films of still images by the simulated event camera: event data where there are no recordings."""

from collections.abc import Callable

from metaplast.data.base import Dataset
from metaplast.data.camera import Camera
from metaplast.data.events import Binning
from metaplast.data.static import digits, mnist

FINER = 3
"""Frames of the camera in each frame that is shown, so that three saccades divide any number of these."""
MISMATCH = 0.07
"""Lichtsteiner et al. (2008) measured 2.1 % contrast from pixel to pixel, which is 0.07 of the threshold of 0.3."""


def filmed(still: Callable[..., Dataset], binning: Binning, root: str = "", download: bool = False) -> Dataset:
    """A data set of still images as its camera saw it, made anew at every load: the same events every time.

    All of MNIST in 10 frames takes 4 GB of memory; with `pool` 2 it is 1 GB.

    Raises:
        FileNotFoundError, ConnectionError: the images are not there.
        ValueError: files that are not what they should be, or frames of a given length.
    """
    if binning.milliseconds:
        raise ValueError(
            f"data.frame_milliseconds is {binning.milliseconds}, but a film has no milliseconds; leave it at 0"
        )
    camera = Camera(frames=FINER * binning.frames, mismatch=MISMATCH)
    return camera.film(still(root, download), merged=FINER, pool=binning.pool)


FILMS: dict[str, Callable[..., Dataset]] = {
    f"{name}-events": lambda binning, root="", download=False, still=still: filmed(still, binning, root, download)
    for name, still in {"digits": digits, "mnist": mnist}.items()
}
"""Loaders of films by name; they take a `Binning` first, as those of recordings do."""
