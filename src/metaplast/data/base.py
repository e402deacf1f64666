"""What a data set is once it is in memory, and what is checked before it may be."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int


class Split(NamedTuple):
    """Examples and their labels."""

    inputs: Float[np.ndarray, "examples ..."]
    """Images [n, height, width, channels] from 0 to 1, or event frames [n, time, height, width, polarity]."""
    labels: Int[np.ndarray, " examples"]


@dataclass(frozen=True)
class Dataset:
    """A classification data set. The test set is for testing: what is chosen is chosen on a part of `train`."""

    name: str
    train: Split
    test: Split
    classes: tuple[str, ...]
    """Name of every label."""
    provenance: str
    """A sentence on where the examples come from, to be shown with every number that they give."""

    def __post_init__(self) -> None:
        for part, split in (("train", self.train), ("test", self.test)):
            _check(f"{self.name}, {part}", split, len(self.classes))
        if self.train.inputs.shape[1:] != self.test.inputs.shape[1:]:
            raise ValueError(
                f"{self.name}: examples of shape {self.train.inputs.shape[1:]} in train, but "
                f"{self.test.inputs.shape[1:]} in test; give files of one data set"
            )

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of an example."""
        return self.train.inputs.shape[1:]

    @property
    def events(self) -> bool:
        """Whether its examples are event frames, which have a time axis of their own."""
        return len(self.shape) == 4

    def first(self, train: int, test: int = 0) -> "Dataset":
        """The first so many examples; zero means all. The provenance says how many are used of how many.

        Raises:
            ValueError: more than there are.
        """
        parts, used = [], []
        for name, split, count in (("train", self.train, train), ("test", self.test, test)):
            if not 0 <= count <= len(split.labels):
                raise ValueError(f"{self.name}: {count} {name} examples wanted; there are {len(split.labels)}")
            parts.append(Split(split.inputs[: count or None], split.labels[: count or None]))
            if 0 < count < len(split.labels):
                used.append(f"{count:,} of {len(split.labels):,} {name} examples")
        told = f"; used are {' and '.join(used)}" if used else ""
        return Dataset(self.name, parts[0], parts[1], self.classes, self.provenance + told)


def called(name: str, provenance: str, whole: bool) -> tuple[str, str]:
    """Name and provenance of a data set, which say so if it is not the whole."""
    return (name, provenance) if whole else (f"{name}-subset", f"a SUBSET of {provenance}")


def _check(where: str, split: Split, classes: int) -> None:
    """Refuse what would only fail, or not even fail, much later."""
    inputs, labels = split
    if inputs.ndim not in (4, 5) or inputs.dtype != np.float32:
        raise ValueError(
            f"{where}: inputs have shape {inputs.shape} and type {inputs.dtype}; expected float32 "
            "[n, height, width, channels] or [n, time, height, width, polarity]"
        )
    if labels.shape != inputs.shape[:1] or labels.dtype != np.int32:
        raise ValueError(
            f"{where}: {inputs.shape[0]} examples and labels of shape {labels.shape}, type {labels.dtype}; expected "
            "one int32 label an example"
        )
    if not len(labels):
        raise ValueError(f"{where}: no examples; give files that have some")
    if labels.min() < 0 or labels.max() >= classes:
        raise ValueError(
            f"{where}: labels from {labels.min()} to {labels.max()}, but {classes} classes; they count from 0"
        )
    # The sum is one pass without a second array: NaN and infinities come through it.
    if not np.isfinite(inputs.sum(dtype=np.float64)):
        raise ValueError(f"{where}: an input is not a finite number; mend or leave out that example")
