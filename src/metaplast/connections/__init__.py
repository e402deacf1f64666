"""Connections: the geometry in which activity meets a weight; `CONNECTIONS` names them."""

from metaplast.connections.base import Connection
from metaplast.connections.conv import Conv
from metaplast.connections.dense import Dense, EventDense, Sparse
from metaplast.connections.normalised import Moments, Normalised
from metaplast.connections.one_to_one import OneToOne
from metaplast.connections.pool import AveragePool

CONNECTIONS: dict[str, type[Connection]] = {
    "dense": Dense,
    "event-dense": EventDense,
    "sparse": Sparse,
    "one-to-one": OneToOne,
    "conv": Conv,
    "average-pool": AveragePool,
}

__all__ = [
    "CONNECTIONS",
    "AveragePool",
    "Connection",
    "Conv",
    "Dense",
    "EventDense",
    "Moments",
    "Normalised",
    "OneToOne",
    "Sparse",
]
