"""Selectivity: neurons that know everything, one thing or nothing."""

from itertools import permutations

import numpy as np
import pytest

from metaplast.analysis.networks.selectivity import balanced, chance_of_choice, d_prime, eta_squared, shares

CHOICE = np.array([0, 0, 0, 0, 1, 1, 1, 1])
STIMULUS = np.array([0, 0, 1, 1, 2, 2, 3, 3])


def test_a_perfectly_selective_neuron_has_one_and_a_blind_one_nothing():
    blind = np.tile([1.0, 2.0], 4)
    values = np.stack([CHOICE * 3.0, blind, np.ones(8), CHOICE + blind], axis=1)
    found = eta_squared(values, CHOICE)
    assert found[[0, 1]] == pytest.approx([1.0, 0.0])
    assert np.isnan(found[2])
    assert found[3] == pytest.approx(0.5)  # both halves of its variance are 1/4


def test_d_prime_is_the_difference_in_standard_deviations():
    values = np.array([[0.0], [2.0], [5.0], [7.0]])
    assert d_prime(values, np.array([0, 0, 1, 1])) == pytest.approx([5.0])
    assert d_prime(values, np.array([1, 1, 0, 0])) == pytest.approx([-5.0])
    sharp = d_prime(np.array([[0.0, 1.0], [0.0, 1.0], [1.0, 1.0]]), np.array([0, 0, 1]))
    assert np.isinf(sharp[0])
    assert np.isnan(sharp[1])
    with pytest.raises(ValueError, match="got 3 labels; expected 2"):
        d_prime(values, np.array([0, 1, 2, 2]))


def test_shares_tell_time_choice_stimulus_and_noise_apart():
    steps = 10
    time = np.sin(np.arange(steps))[:, None] * np.ones(8)
    choice = np.broadcast_to(2.0 * CHOICE, (steps, 8))
    within = np.broadcast_to(STIMULUS % 2, (steps, 8))
    noise = np.tile([1.0, -1.0], 4) * np.ones((steps, 1))
    activity = np.stack([time, choice, within, noise, np.zeros((steps, 8)), choice + within], axis=-1)
    found = np.stack(shares(activity, CHOICE, STIMULUS))
    assert found[:, :4] == pytest.approx(np.eye(4), abs=1e-12)
    assert np.isnan(found[:, 4]).all()
    assert found[:, 5] == pytest.approx([0, 0.8, 0.2, 0])  # variances 1 and 1/4


def test_shares_add_up_whatever_the_activity():
    activity = np.random.default_rng(0).random((7, 8, 5))
    found = shares(activity, CHOICE, np.array([0, 0, 0, 1, 2, 2, 3, 4]))
    assert np.sum(found, axis=0) == pytest.approx(np.ones(5))
    assert np.min(found) >= 0


def test_choices_do_not_differ_because_a_stimulus_was_drawn_more_often():
    # Each choice has both samples, but choice 0 has sample 0 three times, and the activity shows the sample only.
    choice = np.array([0, 0, 0, 0, 1, 1, 1, 1])
    sample = np.array([0, 0, 0, 1, 0, 1, 1, 1])
    activity = np.broadcast_to(sample[:, None].astype(float), (4, 8, 1))
    found = shares(activity, choice, 2 * choice + sample)
    assert found.choice == pytest.approx([0.0], abs=1e-12)
    weight = balanced(2 * choice + sample)
    assert weight.tolist() == pytest.approx([2 / 3, 2 / 3, 2 / 3, 2, 2, 2 / 3, 2 / 3, 2 / 3])
    assert eta_squared(activity[0], choice, weight) == pytest.approx([0.0], abs=1e-12)
    assert eta_squared(activity[0], choice)[0] > 0.2


def test_weights_count_trials_as_if_they_were_repeated():
    values, label = np.random.default_rng(1).normal(size=(6, 3)), np.array([0, 1, 0, 1, 1, 0])
    times = np.array([1, 2, 3, 1, 2, 1])
    repeated = np.repeat(values, times, axis=0), np.repeat(label, times)
    for measure in (eta_squared, d_prime):
        assert measure(values, label, times.astype(float)) == pytest.approx(measure(*repeated))


def test_chance_is_the_mean_over_all_ways_to_deal_choices_to_stimuli():
    activity = np.random.default_rng(2).random((3, 6, 2))
    stimulus = np.arange(6)
    dealt = {tuple(one) for one in permutations([0, 0, 0, 0, 1, 1])}
    found = [shares(activity, np.array(choice), stimulus) for choice in dealt]
    chance = chance_of_choice(found[0], np.array(next(iter(dealt))), stimulus)
    assert np.mean([one.choice for one in found], axis=0) == pytest.approx(chance)
