"""Small files of data sets in the formats of the large ones."""

import gzip
import struct
from pathlib import Path

import numpy as np

IDX_NAMES = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")


def idx(array: np.ndarray) -> bytes:
    """An array of bytes in the idx format."""
    head = struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape)
    return head + array.astype(np.uint8).tobytes()


def write_mnist(folder: Path, *, train: int = 30, test: int = 10, size: int = 28, compressed: bool = True) -> None:
    """A small data set with the names of MNIST in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(0)
    for place, count in ((0, train), (2, test)):
        images, labels = random.integers(0, 256, (count, size, size)), np.arange(count) % 10
        for name, array in zip(IDX_NAMES[place : place + 2], (images, labels), strict=True):
            content = idx(array)
            (folder / (name + ".gz" * compressed)).write_bytes(gzip.compress(content) if compressed else content)


def event_bytes(x: int, y: int, polarity: int, time: int) -> bytes:
    """One event of N-MNIST."""
    return bytes([x, y, polarity << 7 | time >> 16, time >> 8 & 255, time & 255])
