"""Allocations: which parts of a model may learn; later the searches that choose them."""

from metaplast.allocation.base import Allocation, learning_rates

__all__ = ["Allocation", "learning_rates"]
