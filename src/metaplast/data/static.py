"""Data sets of still images."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from metaplast.data.base import Dataset, Split, called
from metaplast.data.files import Remote, bare, find, locate, read_idx, read_members, read_npz

DIGITS = tuple("0123456789")
CLOTHES = (
    "T-shirt/top",
    "trouser",
    "pullover",
    "dress",
    "coat",
    "sandal",
    "shirt",
    "sneaker",
    "bag",
    "ankle boot",
)
OBJECTS = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
IDX_FILES = (
    "train-images-idx3-ubyte.gz",
    "train-labels-idx1-ubyte.gz",
    "t10k-images-idx3-ubyte.gz",
    "t10k-labels-idx1-ubyte.gz",
)
MNIST_SUMS = (
    "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
    "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
    "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
    "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
)
FASHION_SUMS = (
    "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
    "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
    "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
    "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
)
CIFAR10 = Remote(
    "CIFAR10/cifar-10-binary.tar.gz",
    "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
    "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
)
CIFAR10_BATCHES = (*(f"data_batch_{part}.bin" for part in range(1, 6)), "test_batch.bin")
CIFAR10_SUBSET = "CIFAR10/cifar10_jpeg_subset.npz"
IDX_SHAPE = 28, 28
"""Pixels of an image of MNIST and of Fashion-MNIST."""
IDX_WHOLE = 60_000, 10_000
"""Training and test images of each of them."""
CIFAR10_WHOLE = 50_000, 10_000
RECORD = 1 + 3 * 32 * 32
"""Bytes of an example of the binary CIFAR-10: its label, then three planes of 32 x 32."""
HELD_OUT = 360
"""Test examples of `digits`: the last fifth."""


def digits(root: str = "", download: bool = False) -> Dataset:
    """The 1,797 digits of 8 x 8 pixels that scikit-learn contains; no file is needed.

    The last 360 are the test set, in the order of the file, so most of its writers are in the training set too.
    """
    from sklearn.datasets import load_digits  # a second to import, which others need not wait for

    found = load_digits()
    images = (found.images[..., None] / 16.0).astype(np.float32)  # pyright: ignore
    labels = found.target.astype(np.int32)  # pyright: ignore
    return Dataset(
        "digits",
        Split(images[:-HELD_OUT], labels[:-HELD_OUT]),
        Split(images[-HELD_OUT:], labels[-HELD_OUT:]),
        DIGITS,
        "Optical recognition of handwritten digits (Alpaydin & Kaynak 1998), 8 x 8 pixels, out of scikit-learn; "
        "the last 360 of 1,797 are the test set",
    )


def mnist(root: str = "", download: bool = False) -> Dataset:
    """The 70,000 handwritten digits of LeCun, Cortes & Burges, 28 x 28.

    Files in `root` itself are taken for them, even if they are those of Fashion-MNIST, which have the same names.

    Raises:
        FileNotFoundError, ConnectionError: not there.
        ValueError: files that are not what they should be.
    """
    return _from_idx(
        "mnist",
        ("MNIST/raw", "MNIST", "mnist"),
        "https://storage.googleapis.com/cvdf-datasets/mnist",
        MNIST_SUMS,
        DIGITS,
        "MNIST (LeCun, Cortes & Burges 1998)",
        root,
        download,
    )


def fashion_mnist(root: str = "", download: bool = False) -> Dataset:
    """The 70,000 images of clothes of Xiao, Rasul & Vollgraf (2017), 28 x 28.

    Files in `root` itself are taken for them, even if they are those of MNIST, which have the same names.

    Raises:
        FileNotFoundError, ConnectionError: not there.
        ValueError: files that are not what they should be.
    """
    return _from_idx(
        "fashion-mnist",
        ("FashionMNIST/raw", "FashionMNIST", "fashion-mnist"),
        "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion",
        FASHION_SUMS,
        CLOTHES,
        "Fashion-MNIST (Xiao, Rasul & Vollgraf 2017)",
        root,
        download,
    )


def _from_idx(
    name: str,
    places: Sequence[str],
    url: str,
    sums: Sequence[str],
    classes: tuple[str, ...],
    title: str,
    root: str,
    download: bool,
) -> Dataset:
    """A data set in the four files of MNIST, from one of the folders `places` below `root`, or from `root` itself.

    MNIST and Fashion-MNIST call their files the same: those in `root` itself are taken for what was asked.
    """
    paths = []
    whole = [f"{place}/{form}" for place in places for file in IDX_FILES for form in _forms(file)]
    if bare(whole, root):  # never a file from here and a file from there, which could be of another data set
        places = (".",)
    for file, digest in zip(IDX_FILES, sums, strict=True):
        names = [f"{place}/{form}" for place in places for form in _forms(file)]
        remote = Remote(f"{places[0]}/{file}", f"{url}/{file}", digest)
        paths.append(locate(name, names, root, remote=remote, download=download))
    splits = [_idx_split(*paths[:2]), _idx_split(*paths[2:])]
    counts = len(splits[0].labels), len(splits[1].labels)
    told = f"{title}, {counts[0]:,} training and {counts[1]:,} test images of 28 x 28"
    name, told = called(name, told, counts == IDX_WHOLE)
    return Dataset(name, splits[0], splits[1], classes, told)


def _forms(file: str) -> tuple[str, str]:
    """A file may have been unpacked."""
    return file, file.removesuffix(".gz")


def _idx_split(images: Path, labels: Path) -> Split:
    pixels, numbers = read_idx(images, 3), read_idx(labels, 1)
    if pixels.shape[1:] != IDX_SHAPE:
        shape, wanted = (" x ".join(map(str, sides)) for sides in (pixels.shape[1:], IDX_SHAPE))
        raise ValueError(f"{images} has images of {shape}, expected {wanted}; give the original file")
    if len(pixels) != len(numbers):
        raise ValueError(f"{images} has {len(pixels)} images, {labels} {len(numbers)} labels; give files that belong")
    return _split(pixels[..., None], numbers)


def cifar10(root: str = "", download: bool = False) -> Dataset:
    """CIFAR-10 of Krizhevsky (2009), 32 x 32 in colour: the official binary version, or else the subset `.npz`.

    Raises:
        FileNotFoundError, ConnectionError: not there.
        ValueError: files that are not what they should be.
    """
    official = [CIFAR10.path, "cifar-10-binary.tar.gz", "CIFAR10/cifar-10-batches-bin", "cifar-10-batches-bin"]
    subsets = [CIFAR10_SUBSET, Path(CIFAR10_SUBSET).name]
    if find(official, root) is None:
        batch, subset = find(CIFAR10_BATCHES[:1], root), find(subsets, root)
        if batch is not None:  # the folder itself is that of the unpacked archive
            return _cifar10_official(batch.parent)
        if subset is not None and not download:
            return _cifar10_subset(subset)
    path = locate("cifar10", [*official, *subsets], root, remote=CIFAR10, download=download)
    return _cifar10_subset(path) if path.suffix == ".npz" else _cifar10_official(path)


def _cifar10_official(path: Path) -> Dataset:
    parts = [
        _cifar10_records(path, name, content)
        for name, content in zip(CIFAR10_BATCHES, read_members(path, CIFAR10_BATCHES), strict=True)
    ]
    pixels, labels = (np.concatenate([part[column] for part in parts[:-1]]) for column in (0, 1))
    counts = len(labels), len(parts[-1][1])
    told = f"CIFAR-10 (Krizhevsky 2009), binary version, {counts[0]:,} training and {counts[1]:,} test images"
    name, told = called("cifar10", told, counts == CIFAR10_WHOLE)
    return Dataset(name, _split(pixels, labels), _split(*parts[-1]), OBJECTS, told)


def _cifar10_records(path: Path, name: str, content: bytes) -> tuple[np.ndarray, np.ndarray]:
    if not content or len(content) % RECORD:
        raise ValueError(
            f"{path}, {name}: {len(content)} bytes are not whole records of {RECORD}; it is cut short, fetch it again"
        )
    records = np.frombuffer(content, np.uint8).reshape(-1, RECORD)
    return records[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1), records[:, 0]


def _cifar10_subset(path: Path) -> Dataset:
    train, train_labels, test, test_labels = read_npz(path, ("x_train", "y_train", "x_test", "y_test"))
    for name, pixels in (("x_train", train), ("x_test", test)):
        if pixels.dtype != np.uint8 or pixels.ndim != 4 or pixels.shape[1:] != (32, 32, 3):
            raise ValueError(
                f"{path}, {name}: shape {pixels.shape}, type {pixels.dtype}; expected [n, 32, 32, 3] of uint8"
            )
    return Dataset(
        "cifar10-subset",
        _split(train, train_labels),
        _split(test, test_labels),
        OBJECTS,
        f"a SUBSET of CIFAR-10 (Krizhevsky 2009), {len(train):,} training and {len(test):,} test images, from JPEG "
        "re-encodings and thus a little blurred",
    )


def _split(pixels: np.ndarray, labels: np.ndarray) -> Split:
    """Bytes as numbers from 0 to 1."""
    return Split(pixels.astype(np.float32) / np.float32(255.0), labels.astype(np.int32).reshape(-1))


STATIC: dict[str, Callable[..., Dataset]] = {
    "digits": digits,
    "mnist": mnist,
    "fashion-mnist": fashion_mnist,
    "cifar10": cifar10,
}
"""Loaders of still images by name."""
