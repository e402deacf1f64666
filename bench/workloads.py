"""What is measured: the cases, their inputs, the products they need, and the configurations of either side."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

STEPS, BATCH, RATE = 500, 16, 0.1
PLASTIC_CELLS, PLASTIC_STEPS, PLASTIC_SCALE = 1000, 30, 1.8
GRID = 7 * 2.0**-13
"""Weights are multiples of this, so that sums over inputs are exact in any order and never exactly the threshold."""


@dataclass(frozen=True)
class Peer:
    """A library to compare with: a script in peers/ of the same name runs it."""

    title: str
    torch: bool
    workloads: tuple[str, ...]
    compiled_up_to: int = 0
    """Largest N at which torch.compile is tried; 0: never."""

    def configurations(self, case: "Case", cores: int, compile_too: bool) -> list[dict]:
        """Settings to try; the best one counts."""
        threads = sorted({1, cores}, reverse=True) if self.torch else [cores]
        tried = [{"threads": count, "compiled": False} for count in threads]
        if compile_too and case.workload != "stdp" and case.cells <= self.compiled_up_to:
            tried.append({"threads": cores, "compiled": True})
        return tried


CONNECTIONS = ("dense", "event-driven")
"""Ours to choose from: all products, or those with cells that are not silent."""
GRADIENTS = ("linear_lif", "recurrent_lif")
PEERS = {
    "snntorch": Peer("snnTorch", True, GRADIENTS, compiled_up_to=128),
    "spikingjelly": Peer("SpikingJelly", True, (*GRADIENTS, "stdp")),
    "norse": Peer("Norse", True, GRADIENTS, compiled_up_to=128),
    "spyx": Peer("Spyx", False, GRADIENTS),
}


@dataclass(frozen=True)
class Case:
    """A workload at one size."""

    workload: str
    cells: int
    batch: int
    steps: int

    @property
    def name(self) -> str:
        """Workload and the size that varies: the batch of stdp, the number of cells of the others."""
        return f"{self.workload}_{self.batch if self.workload == 'stdp' else self.cells}"

    @property
    def product_flop(self) -> float:
        """Operations of the matrix products, forward and backward.

        Linear: x @ W and dW. Recurrent: those, s @ W_rec, its transposed product, and dW_rec.
        """
        products = {"linear_lif": 2, "recurrent_lif": 5}[self.workload]
        return products * 2.0 * self.steps * self.batch * self.cells**2

    def our_configurations(self, cores: int) -> list[dict]:
        """Settings of ours to try; the best one counts. `devices` share the batch (0: one a core)."""
        devices = [0, 1] if self.workload == "recurrent_lif" and self.cells >= 512 else [0]
        if self.workload == "stdp" or cores == 1:
            devices = [1]
        return [{"devices": count, "connection": connection} for connection in CONNECTIONS for count in devices]

    def repeats(self, asked: int) -> int:
        """Fewer where one call takes a minute."""
        return min(asked, 3) if self.workload == "stdp" and self.batch > 1 else asked


def all_cases(quick: bool) -> list[Case]:
    """Every case, the cheap ones first; a trial runs a tenth of the plastic steps."""
    plastic_steps = PLASTIC_STEPS // 10 if quick else PLASTIC_STEPS
    gradients = [Case(workload, cells, BATCH, STEPS) for workload in GRADIENTS for cells in (128, 512)]
    return gradients + [Case("stdp", PLASTIC_CELLS, batch, plastic_steps) for batch in (1, 64)]


def make_inputs(case: Case, folder: Path) -> Path:
    """Write the inputs of a case, the same at every run."""
    random = np.random.default_rng([case.cells, case.batch, case.steps])
    spikes = (random.random((case.steps, case.batch, case.cells)) < RATE).astype(np.float32)
    if case.workload == "stdp":
        arrays = {"pre": spikes, "w": weights(random, case.cells, PLASTIC_SCALE)}
    else:
        arrays = {"x": spikes, "w_in": weights(random, case.cells, 2.5)}
        if case.workload == "recurrent_lif":
            arrays["w_rec"] = weights(random, case.cells, 1.0)
    path = folder / f"{case.name}.npz"
    np.savez(path, **arrays)
    return path


def weights(random: np.random.Generator, cells: int, scale: float) -> np.ndarray:
    """Normal [in, out] weights of standard deviation scale / sqrt(cells), on the grid."""
    drawn = random.normal(size=(cells, cells)) * scale / np.sqrt(cells)
    return (np.round(drawn / GRID) * GRID).astype(np.float32)
