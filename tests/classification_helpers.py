"""A classification experiment of seconds, on patterns that need no file."""

from pathlib import Path

import numpy as np
import pytest

from metaplast.config import resolve
from metaplast.data import Dataset, Split
from metaplast.experiments.classification.experiment import Grid
from metaplast.experiments.classification.session import Progress, run
from metaplast.experiments.classification.settings import OPEN_TABLES, ClassificationSettings, complete
from metaplast.runs import RunDirectory

TABLE = {
    "experiment": "classification",
    "title": "patterns",
    "data": {"name": "digits"},
    "network": {"hidden": [8], "steps": 3},
    "training": {"epochs": 2, "batch": 10, "seeds": 2},
    "channels": {
        "stbp": {"learner": "gradient", "rate": 1e-2},
        "hebbian": {
            "learner": "rule",
            "plasticity": {"name": "hebbian-synapse", "threshold": 0.35},
            "per_source": ["beta"],
            "per_target": ["eta"],
        },
        "sbp": {"learner": "self-backpropagation"},
        "random": {"learner": "none"},
    },
    "conditions": {
        "S": {"channels": ["stbp"], "single": True},
        "S+H+B": {"channels": ["stbp", "hebbian", "sbp"], "assignment": {"name": "softmax"}},
    },
}


def patterns(name: str = "patterns", train: int = 60, test: int = 25) -> Dataset:
    """Noisy copies of four patterns of 4 x 4 pixels."""
    rng = np.random.default_rng(0)
    prototypes = (rng.random((4, 4, 4, 1)) > 0.5).astype(np.float32)
    splits = []
    for count in (train, test):
        labels = rng.integers(0, 4, count).astype(np.int32)
        noise = 0.1 * rng.standard_normal((count, 4, 4, 1)).astype(np.float32)
        splits.append(Split(np.clip(prototypes[labels] + noise, 0, 1), labels))
    return Dataset(name, splits[0], splits[1], ("a", "b", "c", "d"), "drawn at random")


def events(name: str = "events", train: int = 40, test: int = 20) -> Dataset:
    """Event counts in 3 frames, one corner a class."""
    rng = np.random.default_rng(1)
    splits = []
    for count in (train, test):
        labels = rng.integers(0, 2, count).astype(np.int32)
        rates = np.full((count, 3, 4, 4, 2), 0.1)
        rates[labels == 1, :, :2] = 1.0
        rates[labels == 0, :, 2:] = 1.0
        splits.append(Split(rng.poisson(rates).astype(np.float32), labels))
    return Dataset(name, splits[0], splits[1], ("down", "up"), "drawn at random")


def configured(*settings: str) -> ClassificationSettings:
    """The configuration of `TABLE`."""
    return resolve(TABLE, settings, ClassificationSettings, complete, OPEN_TABLES)


class Killed(Exception):
    """What a killed run is here."""


def killed_and_resumed(grid: Grid, path: Path, epoch: int = 1) -> RunDirectory:
    """A run that was killed after an epoch of its first condition, and went on from what it had saved."""
    place = RunDirectory.create(path)

    def told(now: Progress) -> None:
        if now.epoch == epoch:
            raise Killed

    with pytest.raises(Killed):
        run(grid, place, told)
    run(grid, RunDirectory.open(place.path), lambda now: None, resume=True)
    return place
