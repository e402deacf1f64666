"""Data sets: small ones written here, and the real ones where METAPLAST_DATA has them."""

import gzip
import os
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from data_helpers import event_bytes, idx, write_mnist
from metaplast.data import DATASETS, Binning, Dataset, Split, load
from metaplast.data import events as events_module
from metaplast.data import static as static_module
from metaplast.data.events import Events, event_frames, read_bin
from metaplast.data.static import CIFAR10_BATCHES, RECORD

real = pytest.mark.skipif(not os.environ.get("METAPLAST_DATA"), reason="METAPLAST_DATA is not set")


def dataset(inputs: np.ndarray, labels: list[int]) -> Dataset:
    split = Split(inputs, np.asarray(labels, np.int32))
    return Dataset("made", split, split, ("a", "b"), "made here")


IMAGES = np.zeros((2, 3, 3, 1), np.float32)


@pytest.mark.parametrize(
    ("inputs", "labels", "message"),
    [
        (IMAGES[..., 0], [0, 1], r"inputs have shape \(2, 3, 3\)"),
        (IMAGES.astype(np.float64), [0, 1], "type float64; expected float32"),
        (IMAGES, [0], "2 examples and labels of shape"),
        (IMAGES, [0, 2], "labels from 0 to 2, but 2 classes"),
        (IMAGES, [-1, 0], "labels from -1 to 0"),
        (IMAGES[:0], [], "no examples"),
        (IMAGES + np.float32(np.nan), [0, 1], "not a finite number"),
        (IMAGES + np.float32(np.inf), [0, 1], "not a finite number"),
    ],
)
def test_impossible_examples_are_refused(inputs, labels, message):
    with pytest.raises(ValueError, match=f"made, train: .*{message}|made, train: {message}"):
        dataset(inputs, labels)


def test_a_part_is_the_first_examples():
    whole = dataset(IMAGES + np.arange(2, dtype=np.float32).reshape(2, 1, 1, 1), [0, 1])
    part = whole.first(1)
    assert part.train.labels.tolist() == [0]
    assert part.test.labels.tolist() == [0, 1]
    assert part.provenance == "made here; used are 1 of 2 train examples"
    assert whole.first(2).provenance == whole.provenance
    with pytest.raises(ValueError, match="3 train examples wanted; there are 2"):
        whole.first(3)


def test_an_unknown_name_is_answered_by_those_there_are():
    with pytest.raises(ValueError, match=r"data\.name is 'minst'; there are: digits, mnist"):
        load("minst")
    assert len(set(DATASETS)) == len(DATASETS) >= 8


def test_digits_need_no_file():
    found = load("digits")
    assert found.train.inputs.shape == (1437, 8, 8, 1)
    assert found.test.inputs.shape == (360, 8, 8, 1)
    assert (found.train.inputs.min(), found.train.inputs.max()) == (0, 1)
    assert np.bincount(found.train.labels).min() > 130


@pytest.mark.parametrize("compressed", [True, False])
@pytest.mark.parametrize(("name", "place"), [("mnist", "MNIST/raw"), ("fashion-mnist", "FashionMNIST/raw")])
def test_idx_sets(tmp_path, name, place, compressed):
    write_mnist(tmp_path / place, compressed=compressed)
    found = load(name, str(tmp_path))
    assert found.train.inputs.shape == (30, 28, 28, 1)
    assert found.test.labels.tolist() == list(range(10))
    assert 0.9 < found.train.inputs.max() <= 1
    assert found.name == f"{name}-subset"
    assert found.provenance.startswith("a SUBSET of ")
    assert "30 training and 10 test" in found.provenance


@pytest.mark.parametrize("name", ["mnist", "fashion-mnist"])
def test_the_folder_of_the_files_may_itself_be_given(tmp_path, name):
    folder = tmp_path / "MNIST" / "raw"
    write_mnist(folder)
    assert load(name, str(folder)).name == f"{name}-subset"
    # Files of one set are never mixed with those of another, which have the same names.
    (tmp_path / "other" / "FashionMNIST").mkdir(parents=True)
    write_mnist(tmp_path / "other")
    (tmp_path / "other/FashionMNIST/t10k-labels-idx1-ubyte.gz").write_bytes(b"")
    with pytest.raises(FileNotFoundError, match="fashion-mnist: no train-images"):
        load("fashion-mnist", str(tmp_path / "other"))


def test_images_of_another_shape_are_refused_by_file(tmp_path):
    write_mnist(tmp_path / "mnist", size=14)
    with pytest.raises(ValueError, match=r"train-images-idx3-ubyte\.gz has images of 14 x 14, expected 28 x 28"):
        load("mnist", str(tmp_path))


def test_all_of_a_set_has_its_plain_name(tmp_path, monkeypatch):
    write_mnist(tmp_path / "mnist")
    monkeypatch.setattr(static_module, "IDX_WHOLE", (30, 10))
    found = load("mnist", str(tmp_path))
    assert found.name == "mnist"
    assert "SUBSET" not in found.provenance


def test_images_and_labels_must_belong_together(tmp_path):
    write_mnist(tmp_path / "mnist")
    (tmp_path / "mnist" / "train-labels-idx1-ubyte.gz").write_bytes(gzip.compress(idx(np.zeros(29))))
    with pytest.raises(ValueError, match=r"30 images, .* 29 labels"):
        load("mnist", str(tmp_path))
    (tmp_path / "mnist" / "train-labels-idx1-ubyte.gz").write_bytes(gzip.compress(idx(np.full(30, 10))))
    with pytest.raises(ValueError, match="mnist-subset, train: labels from 10 to 10, but 10 classes"):
        load("mnist", str(tmp_path))


def test_binary_cifar10_has_planes_of_colour(tmp_path):
    folder = tmp_path / "cifar-10-batches-bin"
    folder.mkdir()
    planes = np.stack([np.full((32, 32), colour) for colour in (255, 0, 51)])
    planes[0, 1, 2] = 0
    for label, name in enumerate(CIFAR10_BATCHES):
        (folder / name).write_bytes(bytes([label]) + planes.astype(np.uint8).tobytes())
    assert load("cifar10", str(folder)).train.labels.tolist() == [0, 1, 2, 3, 4]
    found = load("cifar10", str(tmp_path))
    assert found.name == "cifar10-subset"
    assert "SUBSET" in found.provenance
    assert found.train.labels.tolist() == [0, 1, 2, 3, 4]
    assert found.test.labels.tolist() == [5]
    np.testing.assert_allclose(found.train.inputs[3, 0, 0], [1.0, 0.0, 0.2])
    assert found.train.inputs[3, 1, 2, 0] == 0
    assert found.train.inputs[3, 2, 1, 0] == 1
    (folder / "test_batch.bin").write_bytes(b"\0" * (RECORD - 1))
    with pytest.raises(ValueError, match=r"test_batch\.bin: 3072 bytes are not whole records of 3073"):
        load("cifar10", str(tmp_path))


def test_the_subset_of_cifar10_says_that_it_is_one(tmp_path):
    path = tmp_path / "CIFAR10" / "cifar10_jpeg_subset.npz"
    path.parent.mkdir()
    arrays = {"x_train": np.zeros((2, 32, 32, 3), np.uint8), "y_train": np.arange(2)}
    np.savez(path, **arrays, x_test=arrays["x_train"], y_test=arrays["y_train"])
    assert load("cifar10", str(path.parent)).name == "cifar10-subset"
    found = load("cifar10", str(tmp_path))
    assert found.name == "cifar10-subset"
    assert "SUBSET" in found.provenance
    np.savez(path, **arrays, x_test=np.zeros((2, 3, 32, 32), np.uint8), y_test=arrays["y_train"])
    with pytest.raises(ValueError, match=r"x_test: shape \(2, 3, 32, 32\)"):
        load("cifar10", str(tmp_path))


def test_events_are_read_bit_by_bit(tmp_path):
    path = tmp_path / "1.bin"
    path.write_bytes(event_bytes(3, 30, 1, 0x7ABCDE) + event_bytes(33, 0, 0, 5))
    found = read_bin(path)
    assert [column.tolist() for column in found] == [[3, 33], [30, 0], [1, 0], [0x7ABCDE, 5]]


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"", "has 0 bytes"), (b"\0" * 7, "7 bytes, which are not whole events"), (b"\x22" * 5, "x 34, y 34, outside")],
)
def test_broken_recordings_are_refused_by_name(tmp_path, content, message):
    path = tmp_path / "7.bin"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=rf"7\.bin .*{message}"):
        read_bin(path)


EVENTS = Events(*np.asarray([[0, 1, 3, 3], [0, 0, 2, 2], [1, 0, 1, 1], [1000, 1999, 5000, 8999]]))


def test_every_event_is_counted_once_where_it_was():
    frames = event_frames(EVENTS, (4, 4), Binning(4))
    assert frames.shape == (4, 4, 4, 2)
    assert frames.sum() == 4
    assert frames[0, 0, 0, 1] == frames[0, 0, 1, 0] == frames[2, 2, 3, 1] == frames[3, 2, 3, 1] == 1
    pooled = event_frames(EVENTS, (4, 4), Binning(1, pool=2))
    assert pooled[0].tolist() == [[[1, 1], [0, 0]], [[0, 0], [0, 2]]]


def test_frames_of_a_given_length_leave_out_what_comes_later():
    frames = event_frames(EVENTS, (4, 4), Binning(2, milliseconds=1.0))
    assert frames.sum(axis=(1, 2, 3)).tolist() == [2, 0]


@pytest.mark.parametrize("settings", [{"frames": 0}, {"pool": 0}, {"milliseconds": -1.0}])
def test_impossible_binning_is_refused(settings):
    with pytest.raises(ValueError, match="give at least one frame"):
        Binning(**settings)


def test_nmnist_from_its_folders(tmp_path):
    for part in ("Train", "Test"):
        for label in range(10):
            folder = tmp_path / "NMNIST" / part / str(label)
            folder.mkdir(parents=True)
            (folder / f"{9 - label:05}.bin").write_bytes(event_bytes(label, 2, 1, 7))
    found = load("n-mnist", str(tmp_path), binning=Binning(3))
    assert load("n-mnist", str(tmp_path / "NMNIST"), binning=Binning(3)).provenance == found.provenance
    with pytest.raises(FileNotFoundError, match=r"n-mnist: no Train; looked in .*Train, .*/NMNIST, "):
        load("n-mnist", str(tmp_path / "NMNIST/Train"))
    assert found.name == "n-mnist-subset"
    assert found.train.inputs.shape == (10, 3, 34, 34, 2)
    assert found.train.labels.tolist() == list(range(9, -1, -1))
    assert all(found.train.inputs[9 - label, 0, 2, label, 1] == 1 for label in range(10))
    next((tmp_path / "NMNIST/Test/4").iterdir()).unlink()
    with pytest.raises(ValueError, match=r"Test has no \.bin recordings of label 4"):
        load("n-mnist", str(tmp_path))


def test_without_tonic_it_is_said_how_to_get_it(monkeypatch):
    monkeypatch.setattr(events_module, "find_spec", lambda name: None)
    with pytest.raises(ModuleNotFoundError, match=r"shd is read by the package tonic; .*metaplast\[events\]"):
        load("shd")


class Recordings(list):
    """What tonic gives, made here: sound on 8 channels, of which every example has its label's."""

    sensor_size = (8, 1, 1)

    def __init__(self, save_to: str, train: bool) -> None:
        kind = np.dtype([("t", np.int64), ("x", np.int64), ("p", np.int64)])
        super().__init__((np.asarray([(5, label, 1)], kind), label) for label in range(3 if train else 2))


def test_tonic_is_asked_for_what_it_reads(monkeypatch, tmp_path):
    monkeypatch.setattr(events_module, "find_spec", lambda name: True)
    monkeypatch.setitem(sys.modules, "tonic", SimpleNamespace(datasets=SimpleNamespace(SHD=Recordings)))
    with pytest.raises(FileNotFoundError, match="put it there or set download = true"):
        load("shd", str(tmp_path))
    found = load("shd", str(tmp_path), download=True, binning=Binning(2))
    assert found.train.inputs.shape == (3, 2, 1, 8, 2)
    assert all(found.train.inputs[label, 0, 0, label, 1] == 1 for label in range(3))


@real
@pytest.mark.parametrize(
    ("name", "train", "test", "shape"),
    [
        ("mnist", 60_000, 10_000, (28, 28, 1)),
        ("cifar10", 10_000, 2_000, (32, 32, 3)),
        ("n-mnist", 1_000, 100, (10, 34, 34, 2)),
    ],
)
def test_real_files(name, train, test, shape):
    found = load(name)
    assert found.train.inputs.shape[1:] == shape
    if "subset" not in found.name and name != "mnist":
        return  # somebody has all of it
    assert (len(found.train.labels), len(found.test.labels)) == (train, test)
    assert set(np.unique(found.train.labels)) == set(range(10))
    assert 0.05 < found.train.inputs.mean() < 0.6
