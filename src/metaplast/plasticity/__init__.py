"""Synaptic mechanisms: one paper a file; `PLASTICITY` names them."""

from metaplast.mechanism import Mechanism
from metaplast.plasticity.bcm import BCM
from metaplast.plasticity.eprop import Eprop
from metaplast.plasticity.hebbian import HebbianTrace
from metaplast.plasticity.hybrid import HebbianSynapse
from metaplast.plasticity.oja import Oja
from metaplast.plasticity.scaling import SynapticScaling
from metaplast.plasticity.stdp import STDP
from metaplast.plasticity.triplet import TripletSTDP

PLASTICITY: dict[str, type[Mechanism]] = {
    "stdp": STDP,
    "triplet-stdp": TripletSTDP,
    "hebbian-trace": HebbianTrace,
    "hebbian-synapse": HebbianSynapse,
    "oja": Oja,
    "bcm": BCM,
    "synaptic-scaling": SynapticScaling,
    "e-prop": Eprop,
}

__all__ = [
    "BCM",
    "PLASTICITY",
    "STDP",
    "Eprop",
    "HebbianSynapse",
    "HebbianTrace",
    "Oja",
    "SynapticScaling",
    "TripletSTDP",
]
