"""Self-backpropagation as a channel of a convolutional network: maps that share a bias, and pools between layers."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from metaplast.allocation import assignment
from metaplast.connections import AveragePool
from metaplast.learning.by_settling import BySelfBackpropagation
from metaplast.learning.classifier import Classifier
from metaplast.learning.parts import Experience
from metaplast.learning.selfbackprop import SelfBackpropagation
from metaplast.learning.stack import feedback, layers_of, onto
from metaplast.models.convolutional import Stage, convolutional
from metaplast.models.layered import Channel, wiring_of
from metaplast.network import Network, Projection
from metaplast.params import named_arrays

LAYERS = ("hidden1", "hidden2", "output")
NAMES = [f"{layer}-b" for layer in LAYERS]
BATCH = 5


def network_of(normalised: bool = False) -> Network:
    """Two maps that are pooled, three maps, and an output; a channel S and a channel B."""
    stages, channels = [Stage(2, pool=2), Stage(3)], [Channel("s"), Channel("b")]
    return convolutional(jax.random.key(0), (6, 6, 1), stages, (), 4, channels=channels, normalised=normalised)


def lesson(network: Network) -> tuple[Classifier, Experience]:
    strength = {f"{layer}-{channel}": jnp.ones(()) for layer in LAYERS for channel in "sb"}
    model = Classifier(network, assignment.equal(wiring_of(network)), strength, 4)
    inputs = jnp.asarray(np.random.default_rng(0).random((1, BATCH, 6, 6, 1)), jnp.float32)
    answer = eqx.filter_jit(lambda model: model.answer(model.wired(jnp.zeros(())), inputs, {}))(model)
    return model, Experience(inputs, jnp.arange(BATCH) % 4, answer, None, model.network)


@pytest.mark.parametrize("warm", [True, False])
def test_a_channel_of_a_convolutional_network_learns_and_the_other_stays(warm):
    model, experience = lesson(network_of())
    part = BySelfBackpropagation("b", SelfBackpropagation((0.1, 0.1, 0.05)), LAYERS, warm, LAYERS)
    after, _ = eqx.filter_jit(part.learn)(model, (), experience)
    for path, then in named_arrays(model.network).items():
        now = named_arrays(after.network)[path]
        assert now.shape == then.shape
        assert np.isfinite(now).all()
        own = path.endswith("-b.weight") or path in {f"populations.{layer}.bias" for layer in LAYERS}
        assert np.array_equal(now, then) != own, path


def test_an_absent_layer_takes_the_geometry_of_a_channel_and_not_that_of_a_pool():
    model, experience = lesson(network_of())
    projections = {name: one for name, one in model.network.projections.items() if name != "hidden2-b"}
    model = eqx.tree_at(lambda m: m.network.projections, model, projections)
    part = BySelfBackpropagation("b", SelfBackpropagation((0.1, 0.1, 0.05)), LAYERS, absent=("hidden2",))
    after, _ = eqx.filter_jit(part.learn)(model, (), experience)
    moved = {
        name
        for name, one in projections.items()
        if not np.array_equal(one.weight, after.network.projections[name].weight)
    }
    assert moved == {"output-b"}  # nothing reaches hidden1 through weights of zero


def test_a_pool_belongs_to_the_layer_behind_it():
    network = network_of()
    layers = layers_of(network, NAMES)
    below, above = (
        jnp.asarray(np.random.default_rng(seed).random((BATCH, *shape)), jnp.float32)
        for seed, shape in enumerate(((6, 6, 2), (3, 3, 3)))
    )
    sent, weight = network.projections["hidden2-b"].connection, layers[1].weight
    expected = sent.apply(weight, AveragePool(2).apply(None, below))
    np.testing.assert_allclose(layers[1].connection.apply(weight, below), expected, rtol=1e-5)
    back = feedback(layers[1], below, above)
    np.testing.assert_allclose(jnp.vdot(back, below), jnp.vdot(above, expected), rtol=1e-4)
    change = layers[1].connection.contract(weight, below, above)
    np.testing.assert_allclose(jnp.vdot(change, weight), jnp.vdot(above, expected), rtol=1e-4)


def test_what_moves_is_summed_over_the_places_that_share_a_bias():
    move = jnp.arange(12.0).reshape(2, 3, 2)
    np.testing.assert_allclose(onto(jnp.zeros(2), move), move.sum((0, 1)))
    np.testing.assert_allclose(onto(jnp.zeros((2, 3, 2)), move), move)


def test_what_is_normalised_or_joined_by_others_is_no_stack():
    with pytest.raises(ValueError, match=r"projections\.hidden1-b is normalised.* normalised=False"):
        layers_of(network_of(normalised=True), NAMES)
    network = network_of()
    joined = network.projections | {"more": Projection("hidden1", "pool1", AveragePool(2))}
    with pytest.raises(ValueError, match="hidden2-b begins at 'pool1', not where 'hidden1-b' ends"):
        layers_of(Network(network.populations, joined, network.dt), NAMES)
