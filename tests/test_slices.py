"""Patterns that end in a slice over neurons: what they name, what they are not, and what is refused."""

import re

import jax
import numpy as np
import pytest

from learning_helpers import INTRINSIC, WEIGHTS, network
from metaplast.allocation import Allocation, learning_rates
from metaplast.params import learnable, match, parameter_paths, places
from metaplast.slices import divided

NEURON = "network.populations.recurrent.neuron."
NAMES = ["layer0.tau", "layer1.tau", "layer:.tau", "layer2.tau[0]"]


@pytest.mark.parametrize(
    ("pattern", "part"),
    [
        ("[:50]", slice(50)),
        ("[50:]", slice(50, None)),
        ("[::2]", slice(None, None, 2)),
        ("[-8:-1]", slice(-8, -1)),
        ("[:]", slice(None)),
    ],
)
def test_a_slice_is_that_of_python(pattern, part):
    assert divided(f"*.tau{pattern}") == ("*.tau", part)


@pytest.mark.parametrize(
    "pattern", ["*.tau_[ds]*", "*[0-9]", "*[08]", "*[!:]", "*[-]", "*[:8].tau", "*[a:b]", "*[:8]*", "*"]
)
def test_any_other_bracket_is_a_set_of_characters(pattern):
    assert divided(pattern) == (pattern, None)


def test_other_brackets_find_what_they_found():
    assert match(NAMES, ("layer[01].tau",)) == {"layer0.tau", "layer1.tau"}
    assert match(NAMES, ("layer[0-9].*",)) == {"layer0.tau", "layer1.tau", "layer2.tau[0]"}
    assert match(NAMES, ("layer[:].tau",)) == {"layer:.tau"}
    assert match(NAMES, ("*[[]0]",)) == {"layer2.tau[0]"}
    assert match(NAMES, ("layer[01].tau[:8]",)) == {"layer0.tau", "layer1.tau"}
    taus = match(parameter_paths(network()), ("*.tau_[ds]*",))
    assert taus == {NEURON + "tau_dendrite", NEURON + "tau_soma"}


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("*.threshold[24:]", f"names none of the 24 neurons of {NEURON}threshold; give a slice of some"),
        ("*.threshold[8:8]", f"names none of the 24 neurons of {NEURON}threshold; give a slice of some"),
        ("*.threshold[:25]", f"goes beyond the 24 neurons of {NEURON}threshold; give bounds up to 24"),
        ("*.threshold[-25:]", f"goes beyond the 24 neurons of {NEURON}threshold; give bounds up to 24"),
        ("*.bias[:8]", "goes beyond the 3 neurons of network.populations.readout.bias; give bounds up to 3"),
        ("*.resistance[:8]", f"{NEURON}resistance is one number for all neurons and has no slices"),
        ("*.threshold[::0]", "ends in no slice; write [START:STOP] or [START:STOP:STEP], STEP not 0"),
        ("*.threshold[7]", "ends in no slice; write neuron 7 as [7:8]"),
        ("*.threshold[3,5]", "ends in no slice; write neuron 7 as [7:8]"),
        ("*.threshold[1:2:3:4]", "ends in no slice; write [START:STOP]"),
        ("*.threshold[--1:]", "ends in no slice; write [START:STOP]"),
        ("*.axon[:8]", "matches no parameter; names are like"),
    ],
)
def test_a_slice_that_does_not_fit_is_refused_by_pattern_parameter_and_neurons(pattern, words):
    whole = rf"^conditions\.some: pattern {re.escape(repr(pattern))}:? {re.escape(words)}"
    with pytest.raises(ValueError, match=whole) as found:
        learning_rates(network(), [Allocation("some", ("*.weight", pattern))], 0.01, {})
    assert "\n" not in str(found.value)
    with pytest.raises(ValueError, match=re.escape(words)):
        learning_rates(network(), [Allocation("some", WEIGHTS)], 0.01, {pattern: 0.1})


def test_learnable_marks_whole_parameters_only():
    with pytest.raises(ValueError, match=r"'\*\.threshold\[:8\]' names some neurons only, .*; write '\*\.threshold'$"):
        learnable(network(), "*.threshold[:8]")


def test_slices_add_up_over_the_last_axis():
    found = places(network(branches=2), ("*.tau_dendrite[:2]", "*.tau_*[-1:]", "*.weight", "*recurrent.weight[:3]"))
    assert np.flatnonzero(found[NEURON + "tau_dendrite"]).tolist() == [0, 1, 23]
    assert np.flatnonzero(found[NEURON + "tau_soma"]).tolist() == [23]
    assert np.all(found["network.projections.recurrent.weight"])
    assert found["network.projections.readout.weight"].ndim == 0


def test_an_allocation_of_a_part_has_a_truth_value_a_neuron():
    free = Allocation("half", ("*.weight", "*.threshold[:8]")).places(network())
    np.testing.assert_array_equal(free[NEURON + "threshold"], np.arange(24) < 8)
    assert NEURON + "tau_soma" not in free
    assert free["network.projections.input.weight"].ndim == 0


def test_only_what_slices_name_has_a_rate_a_neuron():
    model = network()
    lanes = [
        Allocation("half", (*WEIGHTS, "*.threshold[:8]")),
        Allocation("all", (*WEIGHTS, *INTRINSIC)),
        Allocation("none", WEIGHTS),
    ]
    rates = learning_rates(model, lanes, 0.01, {"*.tau_*": 0.5, "*.tau_soma[::2]": 0.25})
    neuron = rates.network.populations["recurrent"].neuron
    first, even = np.arange(24) < 8, np.arange(24) % 2 == 0
    np.testing.assert_array_equal(neuron.threshold, np.float32([first * 0.01, np.full(24, 0.01), np.zeros(24)]))
    taus = np.where(even, 0.25, 0.5)
    np.testing.assert_array_equal(neuron.tau_soma, np.float32([0 * taus, taus, 0 * taus]))
    np.testing.assert_array_equal(neuron.tau_dendrite, np.float32([0, 0.5, 0]))
    whole = learning_rates(model, lanes[1:], 0.01, {"*.tau_*": 0.5})
    for path in ("network.projections", "network.populations.readout"):
        ours, theirs = (jax.tree.leaves(_at(tree, path)) for tree in (rates, whole))
        assert [leaf.shape for leaf in ours] == [(3,)] * len(ours)
        assert [leaf.shape for leaf in theirs] == [(2,)] * len(ours)


def _at(tree, path: str):
    for name in path.split("."):
        tree = tree[name] if isinstance(tree, dict) else getattr(tree, name)
    return tree
