"""Associations: found where they are, absent where they are not, and not made by what all have in common."""

import numpy as np
import pytest

from metaplast.analysis.networks.efficiency_correlations import (
    association,
    efficiency_rows,
    following_updates,
    joint_association,
    matched,
)
from metaplast.analysis.networks.modularity_rows import ModularityRow
from metaplast.runs import ProblemRow, ProblemTable


def table(seeds: int, updates) -> ProblemTable:
    rows = [
        ProblemRow("a", seed, problem, int(updates(seed, problem)), 0.01, 1.0, True, 5.0)
        for seed in range(seeds)
        for problem in range(60)
    ]
    return ProblemTable.from_rows(rows)


def row(seed: int, problems: int, value: float) -> ModularityRow:
    return ModularityRow("a", seed, f"after{problems:04d}", problems, 10, 2, value, 0.0, 1.0, value, 0.5)


def test_following_updates_are_those_of_the_next_problems():
    found = table(1, lambda seed, problem: problem)
    assert following_updates(found, "a", 0, 10, window=5) == pytest.approx(12.0)
    assert following_updates(found, "a", 0, 58, window=5) == pytest.approx(58.5)
    assert np.isnan(following_updates(found, "a", 0, 60))


def test_a_monotone_relation_within_groups_is_found_whatever_the_level_of_the_group():
    x = np.random.default_rng(0).normal(size=(4, 6))
    y = np.exp(-x) + 100 * np.arange(4)[:, None]
    found = association(x, y)
    assert found.effect.mean == pytest.approx(-1.0)
    assert (found.groups, found.members) == (4, 6)
    assert found.p_value < 0.001


def test_independent_values_are_seldom_associated():
    draw = np.random.default_rng(1)
    p_values = [association(*draw.normal(size=(2, 3, 6))).p_value for _ in range(20)]
    assert sum(p < 0.05 for p in p_values) <= 3


def test_small_tests_are_exact():
    # Of the 3! orders of one group, 1 is as extreme on each side.
    found = association(np.array([[1.0, 2.0, 3.0]]), np.array([[10.0, 20.0, 30.0]]))
    assert found.effect.mean == pytest.approx(1.0)
    assert found.p_value == pytest.approx(2 / 6)


def test_groups_in_which_nothing_differs_say_nothing():
    x = np.array([[1.0, 2.0, 3.0], [5.0, 5.0, 5.0]])
    assert association(x, np.array([[1.0, 2.0, 3.0], [1.0, 2.0, 3.0]])).groups == 1
    for silent in (np.ones((2, 3)), np.zeros((0, 3)), np.ones((2, 2))):
        assert association(silent, silent)[:2] == (0, silent.shape[1])
        assert association(silent, silent).p_value == 1.0


def test_moments_of_the_same_networks_are_no_independent_groups():
    """Values that a network keeps over five moments are one draw a network, not five."""
    draw = np.random.default_rng(1)
    apart, together = [], []
    for _ in range(8):
        x, y = (np.tile(draw.normal(size=6), (5, 1)) for _ in range(2))
        apart.append(association(x, y).p_value)
        together.append(joint_association(x, y).p_value)
    assert sum(p < 0.05 for p in apart) > 3  # what the joint test is for
    assert sum(p < 0.05 for p in together) <= 1


def test_a_relation_among_networks_is_found_with_an_interval_over_them():
    draw = np.random.default_rng(6)
    level = draw.normal(size=8)
    x, y = (level + 0.1 * draw.normal(size=(5, 8)) for _ in range(2))
    found = joint_association(x, y)
    assert (found.groups, found.members) == (5, 8)
    assert found.p_value < 0.001
    assert 0.5 < found.effect.low < found.effect.mean <= found.effect.high <= 1
    assert found.effect.mean == pytest.approx(association(x, y).effect.mean)
    exact = joint_association(np.array([[1.0, 2.0, 3.0]]), np.array([[10.0, 20.0, 30.0]]))
    assert exact.p_value == pytest.approx(2 / 6)
    assert joint_association(np.ones((2, 3)), x[:2, :3]).p_value == joint_association(x[:, :2], y[:, :2]).p_value == 1


def test_only_moments_that_all_seeds_have_are_matched():
    rows = [row(seed, problems, seed + problems) for seed in (0, 1) for problems in (0, 20, 40, 60)]
    rows[1] = row(0, 20, np.nan)
    pair = matched(rows, table(2, lambda seed, problem: 10 * seed + 1), "a", "modularity")
    assert pair.problems == [0, 40]
    assert pair.measure.tolist() == [[0, 40], [1, 41]]
    assert pair.updates.tolist() == [[1, 1], [11, 11]]


def test_a_common_course_is_an_association_over_problems_and_not_over_seeds():
    draw = np.random.default_rng(3)
    noise = draw.normal(size=(6, 60))
    updates = table(6, lambda seed, problem: 1000 * np.exp(-problem / 20) + 5 * abs(noise[seed, problem]))
    rows = [row(seed, problems, problems + draw.normal()) for seed in range(6) for problems in range(0, 50, 10)]
    found = {one.within: one for one in efficiency_rows({"structural": rows}, updates) if one.measure == "modularity"}
    assert found["seed"].effect == pytest.approx(-1.0)
    assert found["seed"].p_corrected < 0.01
    assert abs(found["moment"].effect) < 0.6
    assert found["moment"].p_value > 0.05
    assert all(one.p_corrected >= one.p_value for one in found.values())
    assert efficiency_rows({}, updates) == []
