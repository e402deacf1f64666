"""Modules: planted ones are found, with the Q that one reckons by hand, and random networks have none."""

import networkx as nx
import numpy as np
import pytest

from metaplast.analysis.networks.modularity import (
    functional,
    modules,
    participation,
    quality,
    significance,
    structural,
    surrogate,
)


def planted(size: int, groups: int, within: float = 1.0, between: float = 0.0) -> np.ndarray:
    """Groups of `size` neurons each, with one weight inside and one outside."""
    member = np.arange(size * groups) // size
    adjacency = np.where(member[:, None] == member, within, between)
    np.fill_diagonal(adjacency, 0.0)
    return adjacency


def noisy(neurons: int, seed: int = 0) -> np.ndarray:
    return structural(np.random.default_rng(seed).normal(size=(neurons, neurons)))


def test_two_planted_modules_are_found_with_the_quality_reckoned_by_hand():
    # Two cliques of 4 joined by one edge: 2m = 26, and each clique has 12 of it inside and a strength of 13.
    adjacency = planted(4, 2)
    adjacency[3, 4] = adjacency[4, 3] = 1.0
    found = modules(adjacency)
    assert found.community.tolist() == [0] * 4 + [1] * 4
    assert found.quality == pytest.approx(2 * (12 / 26 - (13 / 26) ** 2))


def test_separate_modules_have_the_quality_of_their_number():
    for groups in (2, 3, 5):
        assert modules(planted(4, groups)).quality == pytest.approx(1 - 1 / groups)


def test_quality_is_that_of_networkx():
    adjacency, community = noisy(12), np.arange(12) % 3
    sets = [set(np.flatnonzero(community == index).tolist()) for index in range(3)]
    assert quality(adjacency, community) == pytest.approx(nx.community.modularity(nx.from_numpy_array(adjacency), sets))


def test_one_community_has_no_quality():
    assert quality(noisy(10), np.zeros(10, int)) == pytest.approx(0.0)


def test_modules_are_the_same_for_one_seed_and_neurons_without_edges_are_in_none():
    adjacency = np.zeros((14, 14))
    adjacency[:12, :12] = noisy(12)
    first, second = modules(adjacency, seed=3), modules(adjacency, seed=3)
    assert np.array_equal(first.community, second.community)
    assert (first.community[12:] == -1).all()
    assert (first.community[:12] >= 0).all()
    assert first.quality == pytest.approx(modules(adjacency[:12, :12], seed=3).quality)
    assert np.isnan(modules(np.zeros((3, 3))).quality)


def test_participation_tells_how_evenly_edges_are_spread():
    for groups in (2, 3, 4):
        # A hub that is bound alike to one neuron of each of k modules, in no module's favour.
        adjacency = np.zeros((groups + 1, groups + 1))
        adjacency[0, 1:] = adjacency[1:, 0] = 1.0
        community = np.array([0, *range(groups)])
        found = participation(adjacency, community)
        assert found[0] == pytest.approx(1 - 1 / groups)
        assert found[1:].tolist() == [0.0] * groups
    assert participation(planted(4, 2), np.arange(8) // 4) == pytest.approx(np.zeros(8))


def test_participation_of_neurons_without_edges_is_not_known():
    adjacency = np.zeros((5, 5))
    adjacency[:4, :4] = planted(2, 2)
    found = participation(adjacency, np.array([0, 0, 1, 1, -1]))
    assert np.isnan(found).tolist() == [False] * 4 + [True]
    assert np.isnan(participation(np.zeros((2, 2)), np.array([-1, -1]))).all()


def test_structural_networks_add_both_directions_and_all_branches():
    weight = np.array([[9.0, -2.0], [4.0, 9.0]])
    assert structural(weight).tolist() == [[0, 3], [3, 0]]
    assert structural(np.stack([weight, -weight], axis=1)).tolist() == [[0, 6], [6, 0]]
    with pytest.raises(ValueError, match=r"\(2, 3\); expected \[neurons, ..., neurons\]"):
        structural(np.ones((2, 3)))


def test_functional_networks_are_correlations_without_negative_ones():
    draw = np.random.default_rng(0).normal(size=(40, 5))
    activity = np.stack([draw, 2 * draw + 1, -draw, np.ones_like(draw)], axis=-1)
    found = functional(activity)
    expected = np.zeros((4, 4))
    expected[0, 1] = expected[1, 0] = 1.0
    assert found == pytest.approx(expected, abs=1e-12)
    both = functional(np.stack([draw, draw + np.roll(draw, 1, axis=0)], axis=-1))
    pair = np.corrcoef(draw.ravel(), (draw + np.roll(draw, 1, axis=0)).ravel())[0, 1]
    assert both[0, 1] == pytest.approx(pair)


def test_surrogates_keep_the_weights_and_nearly_the_strengths():
    lognormal = np.exp(0.7 * np.random.default_rng(1).normal(size=60))
    adjacency = noisy(60) * np.outer(lognormal, lognormal)
    made = surrogate(adjacency, np.random.default_rng(2))
    assert np.array_equal(made, made.T)
    assert np.array_equal(np.sort(made, axis=None), np.sort(adjacency, axis=None))
    assert np.corrcoef(made.sum(axis=0), adjacency.sum(axis=0))[0, 1] > 0.99
    assert abs(np.corrcoef(made.ravel(), adjacency.ravel())[0, 1]) < 0.95
    assert np.array_equal(made, surrogate(adjacency, np.random.default_rng(2)))


def test_planted_modules_are_significant_and_random_networks_are_not():
    adjacency = noisy(40)
    plain = significance(adjacency, modules(adjacency).quality)
    assert abs(plain.z) < 3.5
    assert plain.mean > 0.02  # Louvain's Q is above 0 for random networks
    bound = adjacency * (1 + 2 * planted(20, 2))
    assert significance(bound, modules(bound).quality).z > 10
