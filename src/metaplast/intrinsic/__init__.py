"""Intrinsic mechanisms of a population: adaptation, refractoriness, noise; `INTRINSIC` names them."""

from metaplast.intrinsic.homeostasis import HomeostaticThreshold
from metaplast.intrinsic.noise import Noise
from metaplast.intrinsic.refractory import Refractory
from metaplast.intrinsic.threshold import AdaptiveThreshold
from metaplast.mechanism import Mechanism

INTRINSIC: dict[str, type[Mechanism]] = {
    "adaptive-threshold": AdaptiveThreshold,
    "homeostatic-threshold": HomeostaticThreshold,
    "refractory": Refractory,
    "noise": Noise,
}

__all__ = ["INTRINSIC", "AdaptiveThreshold", "HomeostaticThreshold", "Noise", "Refractory"]
