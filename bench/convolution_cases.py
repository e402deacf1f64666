"""Convolutional networks whose training step is measured, and their numbers, the same for both sides."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from workloads import GRID

KEEP, THRESHOLD = 0.5, 1.0
RATE = 0.1
"""Of the input spikes, where the input is a layer of the middle of a network."""


@dataclass(frozen=True)
class Net:
    """3 x 3 convolutions of LIF cells, each pooled by `pool`, then fully connected layers of LIF cells."""

    title: str
    shape: tuple[int, int, int]
    stages: tuple[int, ...]
    pool: int
    dense: tuple[int, ...]
    steps: int
    batch: int
    spiking_input: bool

    def inputs(self, path: Path) -> None:
        """Images (the same at every step) or spikes, weights in the order of the layers, and what the loss weighs."""
        random = np.random.default_rng([self.batch, self.steps, *self.shape])
        sizes = self.steps, self.batch, *self.shape
        if self.spiking_input:
            x = (random.random(sizes) < RATE).astype(np.float32)
        else:
            x = np.broadcast_to(random.integers(0, 5, sizes[1:]).astype(np.float32) / 4, sizes)
        arrays = {"x": x}
        for place, shape in enumerate(self.weights()):
            drawn = random.normal(size=shape) * (2.0 if place == 0 else 4.0) / np.sqrt(np.prod(shape[:-1]))
            arrays[f"w{place}"] = (np.round(drawn / GRID) * GRID).astype(np.float32)
        arrays["wish"] = random.normal(size=(self.steps, self.batch, *self.last())).astype(np.float32)
        np.savez(path, **arrays)

    def weights(self) -> list[tuple[int, ...]]:
        """Shapes of the weights: [height, width, in, out] or [in, out]."""
        channels = (self.shape[2], *self.stages)
        found = [(3, 3, before, after) for before, after in zip(channels, self.stages, strict=False)]
        cells = (int(np.prod(self.image())), *self.dense)
        return found + list(zip(cells, self.dense, strict=False))

    def image(self) -> tuple[int, int, int]:
        """What the last stage leaves, after its pool."""
        side = self.pool ** len(self.stages)
        return self.shape[0] // side, self.shape[1] // side, self.stages[-1]

    def last(self) -> tuple[int, ...]:
        """Shape of the cells whose spikes the loss weighs."""
        return self.dense[-1:] or self.image()


NETS = {
    "mnist": Net("32C3-P2-32C3-P2-128-10 on 28 x 28 images", (28, 28, 1), (32, 32), 2, (128, 10), 8, 32, False),
    "cifar": Net("64-128C3 on 32 x 32 spikes, one stage of a VGG", (32, 32, 64), (128,), 1, (), 8, 8, True),
}
