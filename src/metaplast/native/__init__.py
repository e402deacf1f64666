"""What XLA does not do well, in C++: compiled at first use, with dense JAX in its place where there is no compiler."""

from metaplast.native.events import event_outer, event_product

__all__ = ["event_outer", "event_product"]
