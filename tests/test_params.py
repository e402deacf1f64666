"""Declared parameters: names, bounds and masks."""

import equinox as eqx
import hypothesis
import hypothesis.strategies as some
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from helpers import scene, tree_allclose
from metaplast.neurons import LIF
from metaplast.params import declarations, learnable, param, parameter_paths, path_name, per_neuron, project

few = hypothesis.settings(max_examples=30, deadline=None, derandomize=True)
numbers = some.floats(-1e6, 1e6, width=32)


class Bounded(eqx.Module):
    low: jax.Array = param(1.0, low=-2.0)
    both: jax.Array = param(0.5, low=0.25, high=0.75)
    free: jax.Array = param(0.0)
    weight: jax.Array = eqx.field(default=0.0, converter=jnp.asarray)


@few
@hypothesis.given(some.lists(numbers, min_size=4, max_size=4))
def test_project_keeps_bounds_and_is_idempotent(values):
    low, both, free, weight = (jnp.asarray(value, jnp.float32) for value in values)
    once = project(Bounded(low, both, free, weight))
    assert float(once.low) == max(float(low), -2.0)
    assert float(once.both) == min(max(float(both), 0.25), 0.75)
    assert (float(once.free), float(once.weight)) == (float(free), float(weight))
    tree_allclose(project(once), once, rtol=0, atol=0)


@few
@hypothesis.given(some.floats(-10, 10, width=32))
def test_project_reaches_into_a_network(shift):
    network = scene("plasticity", "stdp").network
    moved = jax.tree.map(lambda leaf: leaf + shift, network)
    found = {path_name(path): leaf for path, leaf in jax.tree_util.tree_leaves_with_path(project(moved))}
    for path, bounds in declarations(network).items():
        assert bounds.low is None or (found[path] >= np.float32(bounds.low)).all(), path
        assert bounds.high is None or (found[path] <= np.float32(bounds.high)).all(), path


NETWORK_PATHS = parameter_paths(scene("plasticity", "stdp").network)


@few
@hypothesis.given(some.sets(some.sampled_from(NETWORK_PATHS), min_size=1))
def test_learnable_marks_exactly_the_named_paths(chosen):
    network = scene("plasticity", "stdp").network
    mask = learnable(network, *chosen)
    assert jax.tree.structure(mask) == jax.tree.structure(network)
    assert {path_name(path) for path, marked in jax.tree_util.tree_leaves_with_path(mask) if marked} == chosen


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("*.neuron.tau", {"populations.cells.neuron.tau", "populations.readout.neuron.tau"}),
        ("projections.loop.*", {"projections.loop.weight"}),
        ("*", set(NETWORK_PATHS)),
    ],
)
def test_learnable_takes_globs(pattern, found):
    mask = learnable(scene("plasticity", "stdp").network, pattern)
    assert {path_name(path) for path, marked in jax.tree_util.tree_leaves_with_path(mask) if marked} == found


def test_learnable_never_marks_what_is_not_a_float():
    mask = learnable(scene("connection", "sparse").network, "*")
    assert mask.projections["feed"].weight is True
    assert mask.projections["feed"].connection.mask is False


def test_an_unknown_pattern_names_its_neighbours():
    network = scene("plasticity", "stdp").network
    with pytest.raises(ValueError, match=r"'populations.cells.neuron.tua' matches no .*populations.cells.neuron.tau"):
        learnable(network, "*.weight", "populations.cells.neuron.tua")
    with pytest.raises(ValueError, match=r"'xyz' matches no parameter; names are like: \w+"):
        learnable(network, "xyz")


def test_per_neuron_gives_each_cell_its_own_copy():
    neuron = per_neuron(LIF(tau=5.0), (3, 2))
    assert neuron.tau.shape == neuron.threshold.shape == (3, 2)
    assert float(neuron.tau[2, 1]) == 5.0
    assert per_neuron(LIF(tau=np.arange(1.0, 4.0)), 3).tau.tolist() == [1.0, 2.0, 3.0]


def test_declarations_carry_unit_and_bounds():
    declared = declarations({"cells": LIF()})["cells.tau"]
    assert (declared.unit, declared.low, declared.high, declared.logarithmic) == ("ms", 0.1, None, True)
