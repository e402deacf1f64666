"""Layered networks: the published neuron, their channels, and how they start."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from metaplast.models.layered import INPUT, OUTPUT, Cells, Channel, layered, projection_name, wiring_of
from metaplast.signals import Drive


def test_the_cell_is_the_published_one(key):
    """V_t = keep (V_{t-1} - threshold S_{t-1}) + I_t, step by step."""
    neuron = Cells().neuron(1.0)
    currents = np.asarray(jax.random.uniform(key, (30, 1, 4)))
    state, voltage, spikes = neuron.init((1, 4), key), np.zeros((1, 4)), np.zeros((1, 4))
    fired = 0
    for current in currents:
        sent, state = neuron.step(Drive(jnp.asarray(current), jnp.zeros(())), state, 1.0)
        voltage = 0.4 * (voltage - 0.35 * spikes) + current
        spikes = (voltage > 0.35).astype(float)
        np.testing.assert_allclose(state.voltage, voltage, rtol=1e-4, atol=1e-6)
        np.testing.assert_array_equal(sent, spikes)
        fired += spikes.sum()
    assert 0 < fired < 120


def test_a_channel_starts_alike_whoever_is_beside_it(key):
    alone = layered(key, [6, 5, 3], [[Channel("a")], [Channel("a")]])
    beside = layered(key, [6, 5, 3], [[Channel("b"), Channel("a")], [Channel("a"), Channel("b", scale=0.0)]])
    for layer in ("hidden1", OUTPUT):
        name = projection_name(layer, "a")
        np.testing.assert_array_equal(alone.projections[name].weight, beside.projections[name].weight)
    assert not np.array_equal(beside.projections["hidden1-a"].weight, beside.projections["hidden1-b"].weight)
    assert not beside.projections["output-b"].weight.any()
    assert np.abs(alone.projections["hidden1-a"].weight).max() <= 6**-0.5


def test_wiring_lists_layers_in_the_order_of_activity(key):
    channels = [[Channel("b"), Channel("a")], [Channel("a")], [Channel("c")]]
    wiring = wiring_of(layered(key, [(2, 3), 5, 4, 3], channels))
    assert [(layer.layer, layer.channels, layer.cells) for layer in wiring] == [
        ("hidden1", ("a", "b"), (5,)),
        ("hidden2", ("a",), (4,)),
        (OUTPUT, ("c",), (3,)),
    ]
    assert layered(key, [(2, 3), 3], [[Channel("a")]]).populations[INPUT].shape == (2, 3)


@pytest.mark.parametrize(("sizes", "channels"), [([4], []), ([4, 3], []), ([4, 3], [[Channel("a")], [Channel("a")]])])
def test_channels_that_do_not_fit_are_refused(key, sizes, channels):
    with pytest.raises(ValueError, match="lists of channels"):
        layered(key, sizes, channels)
