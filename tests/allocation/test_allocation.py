"""Allocations: which parameters learn, and how fast."""

import numpy as np
import pytest

from learning_helpers import INTRINSIC, WEIGHTS, network
from metaplast.allocation import Allocation, learning_rates
from metaplast.params import named_arrays, parameter_paths

NEURON = "network.populations.recurrent.neuron."


def test_an_allocation_frees_exactly_what_the_patterns_name():
    model = network(branches=2)  # with masks of its synapses, which no pattern may free
    names = set(parameter_paths(model))
    assert set(Allocation("weights", ("*.weight",)).places(model)) == {n for n in names if n.endswith(".weight")}
    assert set(Allocation("both", (*WEIGHTS, *INTRINSIC)).places(model)) == names - {NEURON + "resistance"}
    assert set(Allocation("all", ("*",)).places(model)) == names
    assert set(Allocation("nothing", ()).places(model)) == set()


def test_a_pattern_that_names_nothing_is_refused_by_the_name_of_its_condition():
    with pytest.raises(ValueError, match=r"conditions\.slow: pattern '\*\.tau_axon' matches no parameter.*tau_soma"):
        Allocation("slow", ("*.weight", "*.tau_axon")).places(network())


def test_rates_have_a_lane_for_every_allocation_and_none_where_nothing_learns():
    model = network()
    lanes = [Allocation("fixed", WEIGHTS), Allocation("free", (*WEIGHTS, "*.tau_soma")), Allocation("none", ())]
    rates = learning_rates(model, lanes, 0.01, {})
    neuron = rates.network.populations["recurrent"].neuron
    np.testing.assert_array_equal(neuron.tau_soma, np.float32([0, 0.01, 0]))
    assert neuron.tau_dendrite is None
    assert neuron.threshold is None
    for name, leaf in named_arrays(rates).items():
        assert leaf.shape == (3,)
        assert leaf.dtype == np.float32
        assert not leaf.weak_type
        assert name.endswith((".weight", ".bias", ".tau_soma")), name
    np.testing.assert_array_equal(rates.network.projections["recurrent"].weight, np.float32([0.01, 0.01, 0]))


def test_overrides_change_a_rate_only_where_it_learns_and_the_last_match_wins():
    model = network()
    lanes = [Allocation("fixed", WEIGHTS), Allocation("free", (*WEIGHTS, *INTRINSIC))]
    overrides = {"*.tau_*": 0.5, "*.tau_soma": 0.25, "*.readout.*": 0.0, "*.resistance": 9.0}
    rates = learning_rates(model, lanes, 0.01, overrides)
    neuron = rates.network.populations["recurrent"].neuron
    np.testing.assert_array_equal(neuron.tau_dendrite, np.float32([0, 0.5]))
    np.testing.assert_array_equal(neuron.tau_soma, np.float32([0, 0.25]))
    np.testing.assert_array_equal(neuron.threshold, np.float32([0, 0.01]))
    np.testing.assert_array_equal(rates.network.projections["readout"].weight, np.float32([0, 0]))
    assert neuron.resistance is None
    again = learning_rates(model, lanes, 0.01, dict(reversed(overrides.items())))
    np.testing.assert_array_equal(again.network.populations["recurrent"].neuron.tau_soma, np.float32([0, 0.5]))


def test_an_override_that_names_nothing_is_refused():
    with pytest.raises(ValueError, match=r"pattern '\*\.tau_axon' matches no parameter"):
        learning_rates(network(), [Allocation("fixed", WEIGHTS)], 0.01, {"*.tau_axon": 0.1})
