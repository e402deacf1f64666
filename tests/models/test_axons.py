"""Axons delay what recurrent cells send to each other, and nothing else."""

from dataclasses import replace

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import spearmanr

from learning_helpers import FAMILY, network, only, updates
from metaplast.experiments.models import SpikingSettings
from metaplast.learning import FiveTermLoss, GradientLearner
from metaplast.models import RecurrentSpiking, recurrent_rate, with_axons
from metaplast.network import Network
from metaplast.params import named_arrays, parameter_paths

DELAY = "network.populations.axons.neuron.delay"


def axons(model):
    return model.network.populations["axons"].neuron.delay


def with_delay(model, delay):
    return eqx.tree_at(axons, model, jnp.full_like(axons(model), delay))


def activity(model, key):
    trials = FAMILY.sample(key).trials(key, 4)
    return eqx.filter_jit(type(model).respond)(model, trials.inputs, key).activity


def test_axons_without_delay_change_nothing(key):
    plain, delayed = network(), network(longest_delay=4 * FAMILY.dt)
    assert set(parameter_paths(delayed)) == {*parameter_paths(plain), DELAY}
    wanted = activity(plain, key)
    assert wanted.sum() > 20
    np.testing.assert_array_equal(activity(with_delay(delayed, 0.0), key), wanted)


def test_a_delay_of_two_makes_a_loop_of_three(key):
    plain = network()
    within = replace(plain.network.projections["recurrent"], delay=3)
    loop = Network(plain.network.populations, plain.network.projections | {"recurrent": within}, plain.network.dt)
    wanted = activity(RecurrentSpiking(loop), key)
    assert not np.array_equal(activity(plain, key), wanted)
    delayed = with_delay(network(longest_delay=4 * FAMILY.dt), 2.0)
    np.testing.assert_array_equal(activity(delayed, key), wanted)


def test_delays_start_below_the_longest_and_learn_where_they_may(key):
    model = network(longest_delay=4 * FAMILY.dt)
    assert 0 <= axons(model).min() < 1
    assert 3 < axons(model).max() < 4
    problem = FAMILY.sample(key)
    for learns in (True, False):
        rates = only(model, "*.weight", *(["*.delay"] if learns else []))
        learner = GradientLearner(rates, FiveTermLoss())
        after, _, _ = updates(learner, model, learner.init(model), problem, 3)
        assert np.array_equal(axons(after), axons(model)) != learns


def test_an_update_leaves_delays_between_none_and_the_longest(key):
    """From either end, at a rate that moves each delay by about one step an update."""
    for end in (0.0, 4.0):
        model = with_delay(network(longest_delay=4 * FAMILY.dt), end)
        learner = GradientLearner(only(model, "*.delay", rate=1.0), FiveTermLoss())
        after, _, _ = updates(learner, model, learner.init(model), FAMILY.sample(key), 1)
        assert not np.array_equal(axons(after), axons(model))
        assert axons(after).min() >= 0
        assert axons(after).max() <= 4


def test_delays_are_drawn_apart_from_the_rest_of_the_network(key):
    """Neither does anything else change with axons, nor do delays go along with another parameter of the cells."""
    plain, delayed = (SpikingSettings(longest_delay=steps * FAMILY.dt).build(key, FAMILY) for steps in (0, 10))
    ours, theirs = named_arrays(delayed), named_arrays(plain)
    assert all(np.array_equal(ours[path], value) for path, value in theirs.items())
    for path, value in ours.items():
        if path != DELAY and value.size == 100 and np.ptp(value) > 0:
            assert abs(spearmanr(ours[DELAY], np.ravel(value)).statistic) < 0.4, path


def test_cells_that_show_each_other_their_membranes_have_no_axons(key):
    rate = recurrent_rate(key, channels=3, neurons=4, outputs=2, dt=20.0)
    with pytest.raises(ValueError, match="an axon carries what a cell sends"):
        with_axons(rate, 40.0, key)


@pytest.mark.parametrize("longest", [np.inf, 0.0, -FAMILY.dt, 1.5 * FAMILY.dt])
def test_the_longest_delay_fits_the_time_step(longest):
    with pytest.raises(ValueError, match="multiple of the time step"):
        with_axons(network(), longest, jax.random.key(0))
