"""The slow level: which parts of a model may learn, and the searches that find out; `SEARCHES` names them."""

from metaplast.allocation.base import Allocation, learning_rates
from metaplast.allocation.evolution import Evolution
from metaplast.allocation.relaxed import Relaxed
from metaplast.allocation.search import Exhaustive, Halving, Pilot, Preset, RandomSearch, Search
from metaplast.allocation.space import Mask, Space

SEARCHES: dict[str, type[Search]] = {
    "preset": Preset,
    "random": RandomSearch,
    "exhaustive": Exhaustive,
    "halving": Halving,
    "evolution": Evolution,
    "relaxed": Relaxed,
}

__all__ = [
    "SEARCHES",
    "Allocation",
    "Evolution",
    "Exhaustive",
    "Halving",
    "Mask",
    "Pilot",
    "Preset",
    "RandomSearch",
    "Relaxed",
    "Search",
    "Space",
    "learning_rates",
]
