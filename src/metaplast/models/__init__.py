"""Models: networks built by name, behind the one interface that learners use."""

from metaplast.models.attention import SelfAttention, self_attention
from metaplast.models.axons import with_axons
from metaplast.models.base import Model, Response, Weights
from metaplast.models.convolutional import Stage, convolutional, residual
from metaplast.models.folding import folded, moments
from metaplast.models.gated import recurrent_gated
from metaplast.models.lesioned import Lesioned
from metaplast.models.rate import recurrent_rate
from metaplast.models.recurrent import Recurrent
from metaplast.models.spiking import RecurrentSpiking, recurrent_spiking

__all__ = [
    "Lesioned",
    "Model",
    "Recurrent",
    "RecurrentSpiking",
    "Response",
    "SelfAttention",
    "Stage",
    "Weights",
    "convolutional",
    "folded",
    "moments",
    "recurrent_gated",
    "recurrent_rate",
    "recurrent_spiking",
    "residual",
    "self_attention",
    "with_axons",
]
