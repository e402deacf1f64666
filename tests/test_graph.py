"""The order of populations, on random graphs."""

import hypothesis
import hypothesis.strategies as some
import pytest

from metaplast.graph import Edge, blocks

NAMES = tuple("abcdef")
edges = some.builds(Edge, some.sampled_from(NAMES), some.sampled_from(NAMES), some.integers(0, 2))


def reaches(source, target, graph):
    seen, front = set(), {source}
    while front:
        seen |= front
        front = {edge.target for edge in graph if edge.source in front} - seen
    return target in seen


def undelayed_loop(graph):
    undelayed = [edge for edge in graph if edge.delay == 0]
    return any(reaches(edge.target, edge.source, undelayed) for edge in undelayed)


@hypothesis.settings(max_examples=80, deadline=None, derandomize=True)
@hypothesis.given(some.lists(edges, max_size=9))
def test_sources_come_before_targets(graph):
    if undelayed_loop(graph):
        with pytest.raises(ValueError, match=r"the loop .* has no delay"):
            blocks(NAMES, graph)
        return
    order = blocks(NAMES, graph)
    place = {name: (i, j) for i, block in enumerate(order) for j, name in enumerate(block)}
    assert sorted(name for block in order for name in block) == list(NAMES)
    for edge in graph:
        (source, first), (target, second) = place[edge.source], place[edge.target]
        assert source <= target
        assert edge.delay > 0 or source < target or first < second
    for one in NAMES:
        for other in NAMES:
            mutual = reaches(one, other, graph) and reaches(other, one, graph)
            assert (place[one][0] == place[other][0]) == mutual


def test_the_error_names_the_loop():
    loop = [Edge("a", "b", 0), Edge("b", "c", 0), Edge("c", "a", 0), Edge("c", "d", 0)]
    with pytest.raises(ValueError, match=r"the loop (a -> b -> c -> a|b -> c -> a -> b|c -> a -> b -> c) has no delay"):
        blocks(NAMES, loop)
