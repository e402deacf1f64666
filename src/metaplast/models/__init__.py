"""Models: networks built by name, behind the one interface that learners use."""

from metaplast.models.base import Model, Response, Weights
from metaplast.models.recurrent import RecurrentSpiking, recurrent_spiking

__all__ = ["Model", "RecurrentSpiking", "Response", "Weights", "recurrent_spiking"]
