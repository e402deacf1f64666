"""Synaptic mechanisms: one paper a file; `PLASTICITY` names them."""

from metaplast.mechanism import Mechanism
from metaplast.plasticity.hebbian import HebbianTrace
from metaplast.plasticity.hybrid import HebbianSynapse
from metaplast.plasticity.stdp import STDP

PLASTICITY: dict[str, type[Mechanism]] = {
    "stdp": STDP,
    "hebbian-trace": HebbianTrace,
    "hebbian-synapse": HebbianSynapse,
}

__all__ = ["PLASTICITY", "STDP", "HebbianSynapse", "HebbianTrace"]
