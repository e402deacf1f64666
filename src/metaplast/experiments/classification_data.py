"""The data set of a classification experiment, ready for the device."""

import gzip
from pathlib import Path
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from metaplast.experiments.classification_settings import ClassificationSettings
from metaplast.learning.classification import Coding, Examples


class Data(NamedTuple):
    train: Examples
    test: Examples
    shape: tuple[int, ...]
    """Of one example as it enters the network."""
    classes: int
    encode_train: Coding
    encode_test: Coding


def load(config: ClassificationSettings) -> Data:
    root, steps = Path(config.data.root), config.network.steps
    idx = lambda n, off: np.frombuffer(gzip.open(root / n).read()[off:], np.uint8)  # noqa
    xi, yi = idx("train-images-idx3-ubyte.gz", 16).reshape(-1, 784), idx("train-labels-idx1-ubyte.gz", 8)
    xt, yt = idx("t10k-images-idx3-ubyte.gz", 16).reshape(-1, 784), idx("t10k-labels-idx1-ubyte.gz", 8)
    n, m = config.data.train or None, config.data.test or None

    def coding(images: Array, key: Array) -> Array:
        return jnp.broadcast_to(images / 255.0, (steps, *images.shape))

    make = lambda x, y, k: Examples(jnp.asarray(x[:k]), jnp.asarray(y[:k].astype(np.int32)))  # noqa
    return Data(make(xi, yi, n), make(xt, yt, m), (784,), 10, coding, coding)
