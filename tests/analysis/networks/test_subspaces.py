"""Subspaces: known directions come back, known angles between them, and chance is what it has to be."""

import numpy as np
import pytest

from metaplast.analysis.networks.subspaces import (
    averages,
    between_choices,
    captured,
    leading,
    overlap,
    random_subspaces,
    reuse,
    subspaces,
    without,
)

NEURONS, STEPS = 12, 30
CHOICE = np.repeat([0, 1], 6)
STIMULUS = np.arange(12) % 3


def axes(seed: int = 0) -> np.ndarray:
    """Orthonormal directions as columns."""
    return np.linalg.qr(np.random.default_rng(seed).normal(size=(NEURONS, NEURONS)))[0]


def population(directions: np.ndarray) -> np.ndarray:
    """States in which the first direction carries the time, the second the choice and the third the stimulus."""
    time = np.linspace(0, 1, STEPS)[:, None]
    shared = 5 * np.ones((1, len(CHOICE))) * (1 + time)
    choice = 2 * time * (2 * CHOICE - 1)
    stimulus = (1 - time) * (STIMULUS - 1)
    return np.stack([shared, choice, stimulus], axis=-1) @ directions[:, :3].T


def test_the_decision_subspace_holds_time_and_choice_and_the_rest_is_the_stimulus():
    directions = axes()
    states = population(directions)
    found = subspaces(states, CHOICE)
    # Every choice has all stimuli alike, so their averages span two directions only.
    assert found.decision.shape == (NEURONS, 2)
    assert overlap(found.decision, directions[:, :2]) == pytest.approx(1.0)
    assert found.stimulus.shape == (NEURONS, 1)
    assert abs(found.stimulus[:, 0] @ directions[:, 2]) == pytest.approx(1.0)
    assert captured(states, found.decision) + captured(states, found.stimulus) == pytest.approx(1.0)


def test_what_tells_the_choices_apart_lies_in_one_direction():
    directions = axes()
    apart = between_choices(population(directions), CHOICE)
    assert apart.sum(axis=1) == pytest.approx(np.zeros((STEPS, NEURONS)))
    assert captured(apart, directions[:, 1:2]) == pytest.approx(1.0)
    assert captured(apart, directions[:, 2:]) == pytest.approx(0.0, abs=1e-12)
    assert np.isnan(captured(np.zeros((3, 4)), np.eye(4)))


def test_averages_are_those_of_each_label():
    states = np.arange(12.0).reshape(2, 3, 2)
    assert averages(states, np.array([7, 3, 7]))[0].tolist() == [[2, 3], [2, 3]]
    assert averages(states, np.array([7, 3, 5]))[0].tolist() == [[2, 3], [4, 5], [0, 1]]


def test_leading_directions_are_those_of_the_singular_value_decomposition():
    states = np.random.default_rng(2).normal(size=(20, 3, NEURONS)) * np.arange(1, NEURONS + 1)
    found = leading(states, 4)
    vectors = np.linalg.svd(states.reshape(-1, NEURONS).T, full_matrices=False)[0][:, :4]
    assert np.abs(found.T @ vectors) == pytest.approx(np.eye(4), abs=1e-8)
    assert found[np.abs(found).argmax(axis=0), np.arange(4)].min() > 0
    assert captured(without(states, found), found) == pytest.approx(0.0, abs=1e-12)


def test_angles_between_known_subspaces_come_back():
    turn = np.radians([20.0, 65.0])
    first = np.eye(NEURONS)[:, :2]
    second = np.zeros((NEURONS, 2))
    second[[0, 1], [0, 1]], second[[2, 3], [0, 1]] = np.cos(turn), np.sin(turn)
    states = np.random.default_rng(3).normal(size=(50, NEURONS))
    found = reuse(first, second, states, states)
    assert found.angles == pytest.approx([20.0, 65.0])
    assert found.overlap == pytest.approx((np.cos(turn) ** 2).mean())
    same = reuse(first, first[:, ::-1], states, states)
    assert same.angles == pytest.approx([0, 0], abs=1e-5)
    assert same.overlap == pytest.approx(1.0)
    assert same.null_high < 0.6


def test_random_subspaces_of_unstructured_states_overlap_by_their_share_of_the_dimensions():
    states = np.eye(NEURONS)
    found = reuse(axes(1)[:, :3], axes(2)[:, :3], states, states, draws=2000)
    assert found.null_mean == pytest.approx(3 / NEURONS, abs=0.01)
    assert found.null_mean < found.null_high < 1


def test_random_subspaces_stay_where_the_states_are():
    directions = axes()
    states = np.random.default_rng(4).normal(size=(100, 3)) @ directions[:, :3].T
    drawn = random_subspaces(states, 2, np.random.default_rng(0), draws=20)
    assert drawn.shape == (20, NEURONS, 2)
    assert np.swapaxes(drawn, 1, 2) @ drawn == pytest.approx(np.broadcast_to(np.eye(2), (20, 2, 2)), abs=1e-8)
    assert np.abs(drawn.swapaxes(1, 2) @ directions[:, 3:]).max() < 1e-6
    assert overlap(directions[:, :3], drawn[0]) == pytest.approx(1.0)
