"""A parameter that can matter has a gradient, in a network that spikes."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from helpers import COMPONENTS, EXAMPLES, WEIGHTED, raw, scene, watch
from metaplast.params import is_parameter, parameter_paths, path_name
from metaplast.simulate import simulate

PLACES = {"neuron": "populations.cells.neuron", "intrinsic": "populations.cells.intrinsic"}
AT_REST = {"initial"}
"""Parameters of the state before the first step, which is given here: tests/models looks at them."""
PLASTIC = tuple(f"projections.{name}.plasticity" for name in ("feed", "echo"))


@eqx.filter_jit
@eqx.filter_grad
def loss_gradient(network, inputs, state):
    sent, read = simulate(network, inputs, state, record=watch)[0]
    wish = jnp.sin(jnp.arange(read.size, dtype=read.dtype)).reshape(read.shape)
    return jnp.mean(jnp.square(read - wish)) + jnp.mean(sent)


def gradients(kind, name):
    leaves = jax.tree_util.tree_leaves_with_path(loss_gradient(*scene(kind, name)))
    return {path_name(path): raw(leaf) for path, leaf in leaves if is_parameter(leaf)}


@pytest.mark.parametrize(("kind", "name"), COMPONENTS)
def test_gradients_are_finite_and_reach_what_can_matter(kind, name):
    found = gradients(kind, name)
    assert set(found) == set(parameter_paths(scene(kind, name).network))
    assert not [path for path, value in found.items() if not np.isfinite(value).all()]
    roots = PLASTIC if kind == "plasticity" else (PLACES[kind],) if kind in PLACES else ()
    own = [] if kind == "connection" else parameter_paths(EXAMPLES[kind][name])
    wanted = [f"{root}.{path}" for root in roots for path in own if path not in AT_REST]
    wanted += ["projections.feed.gain", "projections.loop.weight", "projections.echo.weight", "populations.cells.bias"]
    wanted += ["projections.feed.weight"] if kind != "connection" or name in WEIGHTED else []
    assert not [path for path in wanted if not np.abs(found[path]).max() > 1e-9]
