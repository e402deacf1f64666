"""Synaptic mechanisms: one paper a file; `PLASTICITY` names them."""

from metaplast.mechanism import Mechanism
from metaplast.plasticity.hebbian import HebbianTrace
from metaplast.plasticity.stdp import STDP

PLASTICITY: dict[str, type[Mechanism]] = {"stdp": STDP, "hebbian-trace": HebbianTrace}

__all__ = ["PLASTICITY", "STDP", "HebbianTrace"]
