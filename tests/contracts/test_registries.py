"""Every registered component has an example here, or no contract would hold it to anything."""

import jax
import pytest

from helpers import COMPONENTS, EXAMPLES, REGISTRIES, WEIGHTED, WIRINGS, scene
from metaplast.params import UNDECLARED, declarations, is_parameter, parameter_paths


@pytest.mark.parametrize("kind", REGISTRIES)
def test_every_registered_component_has_an_example(kind):
    assert set(EXAMPLES[kind]) == set(REGISTRIES[kind])


@pytest.mark.parametrize(("kind", "name"), COMPONENTS)
def test_an_example_is_of_its_registered_class(kind, name):
    example = EXAMPLES[kind][name]
    assert type(example.connection if kind == "connection" else example) is REGISTRIES[kind][name]


@pytest.mark.parametrize(("kind", "name"), COMPONENTS)
def test_parameters_are_strongly_typed_floats(kind, name):
    """A weakly typed leaf becomes strong at its first update, and everything compiled is compiled again."""
    network, _, state = scene(kind, name)
    assert not [leaf for leaf in jax.tree.leaves((network, state)) if is_parameter(leaf) and leaf.weak_type]
    assert {leaf.dtype.name for leaf in jax.tree.leaves(network) if is_parameter(leaf)} == {"float32"}


@pytest.mark.parametrize(("kind", "name"), [pair for pair in COMPONENTS if pair[0] != "connection"])
def test_parameters_are_declared_and_their_defaults_lie_in_bounds(kind, name):
    component = REGISTRIES[kind][name]()
    declared = declarations(component)
    assert set(declared) == set(parameter_paths(component))
    for path, bounds in declared.items():
        value = float(getattr(component, path))
        assert bounds is not UNDECLARED, path
        assert bounds.low is None or bounds.low <= value, path
        assert bounds.high is None or value <= bounds.high, path
        assert bounds.unit == "ms" or not path.startswith("tau"), path


def test_declarations_know_every_parameter_of_a_network():
    network = scene("plasticity", "stdp", "conv").network
    assert list(declarations(network)) != []
    assert set(declarations(network)) == set(parameter_paths(network))


def test_wirings_cover_connections_with_and_without_a_weight():
    assert 0 < len(WEIGHTED) < len(WIRINGS)
