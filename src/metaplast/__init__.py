"""metaplast: spiking neural networks whose plasticity is itself learned.

The public face. Components have their registries: `neurons.NEURONS`, `connections.CONNECTIONS`,
`plasticity.PLASTICITY`, `intrinsic.INTRINSIC`, `surrogate.SURROGATES`, `tasks.FAMILIES`.
"""

from metaplast.allocation import Allocation, learning_rates
from metaplast.connections import AveragePool, Connection, Conv, Dense, EventDense, Sparse
from metaplast.intrinsic import AdaptiveThreshold, Noise, Refractory
from metaplast.learning import Criterion, FiveTermLoss, GradientLearner, Learner, learn, learn_sequence
from metaplast.mechanism import Mechanism, chain
from metaplast.models import Model, RecurrentSpiking, recurrent_spiking
from metaplast.network import Network, Population, Projection, activity, carry_over, consolidate, voltage
from metaplast.neurons import LIF, DendriticLIF, LeakyIntegrator, Neuron, Relay, hard_reset, soft_reset
from metaplast.params import learnable, param, per_neuron, project
from metaplast.plasticity import STDP, HebbianSynapse, HebbianTrace
from metaplast.signals import Drive, Local, Transmission
from metaplast.simulate import simulate
from metaplast.tasks import Family, Problem, Trial

__all__ = [
    "LIF",
    "STDP",
    "AdaptiveThreshold",
    "Allocation",
    "AveragePool",
    "Connection",
    "Conv",
    "Criterion",
    "DendriticLIF",
    "Dense",
    "Drive",
    "EventDense",
    "Family",
    "FiveTermLoss",
    "GradientLearner",
    "HebbianSynapse",
    "HebbianTrace",
    "LeakyIntegrator",
    "Learner",
    "Local",
    "Mechanism",
    "Model",
    "Network",
    "Neuron",
    "Noise",
    "Population",
    "Problem",
    "Projection",
    "RecurrentSpiking",
    "Refractory",
    "Relay",
    "Sparse",
    "Transmission",
    "Trial",
    "activity",
    "carry_over",
    "chain",
    "consolidate",
    "hard_reset",
    "learn",
    "learn_sequence",
    "learnable",
    "learning_rates",
    "param",
    "per_neuron",
    "project",
    "recurrent_spiking",
    "simulate",
    "soft_reset",
    "voltage",
]
