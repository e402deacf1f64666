"""Convolutional networks: shapes, names, and what folding leaves."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from metaplast.connections import Conv, Dense, Normalised
from metaplast.models import Stage, convolutional, folded, moments, residual
from metaplast.models.convolutional import GRADIENT
from metaplast.models.layered import Channel, wiring_of
from metaplast.network import activity, voltage
from metaplast.plasticity import STDP
from metaplast.simulate import simulate

IMAGE = (8, 6, 2)
STAGES = [Stage(4, pool=2), Stage(6, stride=2)]
STEPS, BATCH = 4, 5


def frames(shape=IMAGE):
    """Event frames with a channel a polarity."""
    events = np.random.default_rng(0).random((STEPS, BATCH, *shape)) < 0.4
    return {"input": jnp.asarray(events, jnp.float32)}


def ran(network, inputs):
    def record(state):
        return {name: (activity(p), voltage(p)) for name, p in state.populations.items()}

    return simulate(network, inputs, network.init(BATCH, key=jax.random.key(0)), record=record)[0]


BUILT = {
    "convolutional": lambda **options: convolutional(jax.random.key(0), IMAGE, STAGES, (7,), 3, **options),
    "recurrent": lambda **options: convolutional(jax.random.key(0), IMAGE, STAGES, (7,), 3, recurrent=True, **options),
    "residual": lambda **options: residual(jax.random.key(0), IMAGE, (4, 6), 3, **options),
}


def test_layers_have_the_shapes_of_their_stages():
    shapes = {name: population.shape for name, population in BUILT["convolutional"]().populations.items()}
    assert shapes == {
        "input": IMAGE,
        "hidden1": (8, 6, 4),
        "pool1": (4, 3, 4),
        "hidden2": (2, 2, 6),
        "hidden3": (7,),
        "output": (3,),
    }


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow if name == "recurrent" else ()) for name in BUILT]
)
def test_every_layer_spikes_and_every_weight_has_a_gradient(name):
    """Also those of shortcuts and loops, and the scale and shift of normalised currents."""
    network, inputs = BUILT[name](), frames()

    def loss(network):
        return jnp.sum(jnp.sin(ran(network, inputs)["output"][1]))

    sent = ran(network, inputs)
    for layer, (spikes, _) in sent.items():
        if layer.startswith("hidden"):
            assert 0.02 < float(spikes.mean()) < 0.6, layer
    gradient = eqx.filter_jit(eqx.filter_grad(loss))(network)
    for path, projection in gradient.projections.items():
        if projection.weight is not None:
            assert np.isfinite(projection.weight).all(), path
            assert np.abs(projection.weight).max() > 0, path
        if isinstance(projection.connection, Normalised):
            assert np.abs(projection.connection.scale).max() > 0, path


@pytest.mark.parametrize("name", BUILT)
def test_folding_leaves_what_the_network_does(name):
    """With the moments of the batch itself, spikes and membranes are the same; and no projection is normalised."""
    network, inputs = BUILT[name](), frames()
    plain = folded(network, moments(network, inputs, key=jax.random.key(0)))
    assert not any(isinstance(p.connection, Normalised) for p in plain.projections.values())
    before, after = ran(network, inputs), ran(plain, inputs)
    for layer, (spikes, membrane) in before.items():
        np.testing.assert_array_equal(after[layer][0] > 0, spikes > 0, err_msg=layer)
        np.testing.assert_allclose(after[layer][1], membrane, rtol=1e-3, atol=1e-3, err_msg=layer)


def test_a_folded_network_answers_each_example_by_itself():
    network, inputs = BUILT["convolutional"](), frames()
    plain = folded(network, moments(network, inputs, key=jax.random.key(0)))
    alone = {"input": inputs["input"][:, :1]}
    read = lambda state: activity(state.populations["output"])  # noqa: E731
    one, _ = simulate(plain, alone, plain.init(1, key=jax.random.key(0)), record=read)
    np.testing.assert_allclose(one[:, 0], ran(plain, inputs)["output"][0][:, 0], atol=1e-5)


def test_channels_are_parallel_projections_of_every_layer():
    channels = [GRADIENT, Channel("stdp", 0.1, lambda source, target, key: STDP(a_plus=0.001, a_minus=0.001))]
    network = convolutional(jax.random.key(0), IMAGE, STAGES, (7,), 3, channels=channels)
    found = {wiring.layer: wiring.channels for wiring in wiring_of(network)}
    assert found == dict.fromkeys(("hidden1", "hidden2", "hidden3", "output"), ("stbp", "stdp"))
    plastic = network.projections["hidden1-stdp"]
    assert isinstance(plastic.connection, Conv)
    assert isinstance(network.projections["hidden1-stbp"].connection, Normalised)
    state = simulate(network, frames(), network.init(BATCH, key=jax.random.key(0)), record=lambda s: s.populations)[1]
    assert np.abs(state.projections["hidden1-stdp"].plasticity.change).max() > 0


def test_a_channel_starts_alike_whatever_is_beside_it():
    alone = BUILT["convolutional"]()
    beside = BUILT["convolutional"](channels=[Channel("other"), GRADIENT])
    for name in ("hidden1-stbp", "hidden3-stbp"):
        np.testing.assert_array_equal(alone.projections[name].weight, beside.projections[name].weight)


def test_without_normalisation_connections_are_plain():
    network = BUILT["residual"](normalised=False)
    assert all(isinstance(p.connection, Conv | Dense) for p in network.projections.values() if p.weight is not None)


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="height, width, channels"):
        convolutional(jax.random.key(0), (28, 28), STAGES)
    with pytest.raises(ValueError, match="a pool of 4 leaves none"):
        convolutional(jax.random.key(0), (3, 3, 1), [Stage(2, pool=4)])
    with pytest.raises(ValueError, match="give at least one `Channel`"):
        convolutional(jax.random.key(0), IMAGE, STAGES, channels=())
    with pytest.raises(ValueError, match="take `moments"):
        folded(BUILT["convolutional"](), {})
    with pytest.raises(ValueError, match="'SAME' or 'VALID'"):
        Conv(padding="same")
