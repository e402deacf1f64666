"""The slow level: which parts of a model may learn, and the searches that find out; `SEARCHES` names them."""

from metaplast.allocation.base import Allocation, learning_rates
from metaplast.allocation.evolution import Evolution
from metaplast.allocation.search import Exhaustive, Halving, Preset, RandomSearch, Search
from metaplast.allocation.space import Mask, Space

SEARCHES: dict[str, type[Search]] = {
    "preset": Preset,
    "random": RandomSearch,
    "exhaustive": Exhaustive,
    "halving": Halving,
    "evolution": Evolution,
}

__all__ = [
    "SEARCHES",
    "Allocation",
    "Evolution",
    "Exhaustive",
    "Halving",
    "Mask",
    "Preset",
    "RandomSearch",
    "Search",
    "Space",
    "learning_rates",
]
