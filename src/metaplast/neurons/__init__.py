"""Neuron models: one model a file; `NEURONS` names them."""

from metaplast.neurons.axon import Axon
from metaplast.neurons.base import Neuron, hard_reset, soft_reset
from metaplast.neurons.dendritic import DendriticLIF
from metaplast.neurons.gated import GatedUnit
from metaplast.neurons.integrator import LeakyIntegrator
from metaplast.neurons.lif import LIF
from metaplast.neurons.rate import LeakyRate
from metaplast.neurons.relay import Relay

NEURONS: dict[str, type[Neuron]] = {
    "lif": LIF,
    "dendritic-lif": DendriticLIF,
    "leaky-integrator": LeakyIntegrator,
    "leaky-rate": LeakyRate,
    "gated-unit": GatedUnit,
    "relay": Relay,
    "axon": Axon,
}

__all__ = [
    "LIF",
    "NEURONS",
    "Axon",
    "DendriticLIF",
    "GatedUnit",
    "LeakyIntegrator",
    "LeakyRate",
    "Neuron",
    "Relay",
    "hard_reset",
    "soft_reset",
]
