"""The order in which populations can be simulated: strongly connected blocks, sources first."""

from collections.abc import Sequence
from graphlib import CycleError, TopologicalSorter
from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components


class Edge(NamedTuple):
    """A projection as the graph sees it."""

    source: str
    target: str
    delay: int


def blocks(names: Sequence[str], edges: Sequence[Edge]) -> tuple[tuple[str, ...], ...]:
    """Strongly connected components, sources before targets, each in the order of its undelayed edges.

    Raises:
        ValueError: a loop of undelayed edges, in which no cell could be computed first.
    """
    index = {name: position for position, name in enumerate(names)}
    rows = [index[edge.source] for edge in edges]
    columns = [index[edge.target] for edge in edges]
    matrix = csr_array((np.ones(len(edges)), (rows, columns)), shape=(len(names), len(names)))
    _, label = connected_components(matrix, directed=True, connection="strong")
    members: dict[int, list[str]] = {}
    for name in names:
        members.setdefault(int(label[index[name]]), []).append(name)
    before: dict[int, set[int]] = {block: set() for block in members}
    for edge in edges:
        source, target = int(label[index[edge.source]]), int(label[index[edge.target]])
        if source != target:
            before[target].add(source)
    return tuple(_undelayed_order(members[block], edges) for block in TopologicalSorter(before).static_order())


def _undelayed_order(names: Sequence[str], edges: Sequence[Edge]) -> tuple[str, ...]:
    inside = [edge for edge in edges if edge.source in names and edge.target in names and edge.delay == 0]
    before: dict[str, set[str]] = {name: set() for name in names}
    for edge in inside:
        before[edge.target].add(edge.source)
    try:
        return tuple(TopologicalSorter(before).static_order())
    except CycleError as error:
        loop = " -> ".join(error.args[1])
        raise ValueError(f"the loop {loop} has no delay; give one of its projections delay=1 or more") from None
