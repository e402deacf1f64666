"""Parallel channels as one synapse."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from metaplast.connections import Conv, Dense, Normalised, Sparse
from metaplast.models.merging import merged
from metaplast.network import Network, Population, Projection
from metaplast.neurons import LIF, Relay
from metaplast.plasticity import Oja
from metaplast.simulate import simulate

RNG = np.random.default_rng(0)


def network(connection=None, **changes):
    """Three channels from four inputs to three cells; `changes` are to the last one."""
    way = connection or Dense()
    channel = lambda **parts: Projection("input", "cells", way, RNG.normal(0.3, 1.0, (4, 3)), **parts)  # noqa: E731
    channels = {
        "slow": channel(),
        "half": channel(gain=0.5),
        "each": channel(**{"gain": jnp.array([0.1, 0.2, -0.3])} | changes),
    }
    return Network({"input": Population(Relay(), 4), "cells": Population(LIF(tau=3.0, threshold=0.3), 3)}, channels)


def test_the_merged_network_is_the_same_network():
    net = network()
    one = merged(net)
    assert len(one.projections) == 1
    x = jnp.asarray(RNG.random((12, 5, 4)), jnp.float32)
    read = lambda state: state.populations["cells"]  # noqa: E731
    found, same = (simulate(n, {"input": x}, n.init(5, key=jax.random.key(0)), record=read)[0] for n in (one, net))
    np.testing.assert_array_equal(found.activity, same.activity)
    np.testing.assert_allclose(found.neuron.voltage, same.neuron.voltage, rtol=1e-5, atol=1e-6)
    assert 0.05 < same.activity.mean() < 0.95


def test_what_has_no_parallel_stays_as_it_is():
    net = network()
    alone = Network(net.populations, {"slow": net.projections["slow"]})
    assert eqx.tree_equal(merged(alone), alone)


@pytest.mark.parametrize(
    ("changes", "message"),
    [({"delay": 1}, "differ in more than weight and gain"), ({"plasticity": Oja(rate=0.1, tau=5.0)}, "plastic")],
)
def test_channels_that_are_no_single_synapse_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        merged(network(**changes))


@pytest.mark.parametrize("places", [(5, 5), (3, 2)], ids=["other shape", "shape of a slice of the kernel"])
def test_gains_of_single_cells_of_a_feature_map_are_refused(places):
    channel = lambda **parts: Projection("input", "cells", Conv(), RNG.normal(size=(3, 3, 2, 4)), **parts)  # noqa: E731
    populations = {"input": Population(Relay(), (*places, 2)), "cells": Population(LIF(), (*places, 4))}
    net = Network(populations, {"one": channel(), "other": channel(gain=jnp.ones((*places, 4)))})
    with pytest.raises(ValueError, match=r"other has a gain of shape .*, expected \(\)$"):
        merged(net)


def test_traced_channels_become_one_as_others_do():
    net = network()
    one, traced = merged(net), eqx.filter_jit(merged)(net)
    np.testing.assert_allclose(traced.projections["each"].weight, one.projections["each"].weight, rtol=1e-6)


@pytest.mark.parametrize("way", [Sparse(np.ones((4, 3))), Normalised(Dense())], ids=["sparse", "normalised"])
@pytest.mark.parametrize("call", [merged, eqx.filter_jit(merged)], ids=["as it is", "traced"])
def test_connections_that_hold_arrays_are_refused_traced_or_not(call, way):
    with pytest.raises(ValueError, match="connections that hold arrays"):
        call(network(way))
