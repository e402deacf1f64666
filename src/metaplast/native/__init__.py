"""What XLA does not do well, in C++: compiled at first use, with plain JAX in its place where there is no compiler."""

from metaplast.native.convolutions import convolve, convolve_outer
from metaplast.native.events import event_outer, event_product

__all__ = ["convolve", "convolve_outer", "event_outer", "event_product"]
