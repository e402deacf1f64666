"""The engine two ways: its deferred gradient, its segments and its hoisting against plain autodiff and plain steps."""

from functools import cache

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from helpers import tree_allclose
from metaplast.connections import Conv, Dense
from metaplast.intrinsic import AdaptiveThreshold
from metaplast.mechanism import chain
from metaplast.network import Network, Population, Projection, voltage
from metaplast.neurons import LIF, DendriticLIF, LeakyIntegrator, Relay
from metaplast.plasticity import STDP, HebbianTrace
from metaplast.simulate import simulate

STEPS = 24


def normal(seed, shape, mean=0.0, spread=0.5):
    return mean + spread * jax.random.normal(jax.random.key(seed), shape)


def one_population(shape, recurrent, neuron=None, feed=None):
    """A relay into cells that are connected with themselves; all weights random."""
    populations = {"input": Population(Relay(), shape), "cells": Population(neuron or LIF(tau=5.0), shape)}
    size = int(np.prod(shape))
    drive = populations["cells"].drive_shape
    feed = feed or Projection("input", "cells", Dense(), normal(0, (size, *drive), 4.0 / size, 2.0 / size), delay=1)
    return Network(populations, {"feed": feed, **recurrent})


def recurrent(delay=1, seed=1, shape=(4, 4), **options):
    return Projection("cells", "cells", Dense(), normal(seed, shape), delay=delay, **options)


def channels():
    gains = jax.nn.softmax(normal(5, (2, 4)), axis=0)
    return one_population(
        (4,),
        {
            "fast": recurrent(1, 1, gain=gains[0]),
            "slow": recurrent(3, 2, gain=gains[1]),
            "graded": recurrent(2, 3, read=voltage),
        },
    )


def two_populations(*, plastic=False):
    """Mutual, one way without delay, the other also as a third factor from inside the block."""
    populations = {
        "input": Population(Relay(), 3),
        "cells": Population(LIF(tau=5.0), 4, chain(AdaptiveThreshold(beta=0.5, tau=10.0))),
        "other": Population(LIF(tau=4.0), 3, bias=jnp.asarray(0.8)),
    }
    feed_rule, self_rule = (STDP(0.05, 0.05), HebbianTrace(0.1)) if plastic else (chain(), chain())
    projections = {
        "feed": Projection("input", "cells", Dense(), normal(0, (3, 4), 1.5), feed_rule, delay=1),
        "forth": Projection("cells", "other", Dense(), normal(1, (4, 3), 1.5)),
        "back": Projection("other", "cells", Dense(), normal(2, (3, 4)), delay=2),
        "third": Projection("other", "cells", Dense(), normal(3, (3, 4)), delay=1, port="modulator"),
        "self": Projection("other", "other", Dense(), normal(4, (3, 3)), self_rule, delay=1),
    }
    return Network(populations, projections)


def convolution():
    shape = (3, 3, 2)
    feed = Projection("input", "cells", Conv(), normal(0, (3, 3, 2, 2), 0.5))
    loop = Projection("cells", "cells", Conv(), normal(1, (3, 3, 2, 2), 0.0, 0.2), delay=2, gain=jnp.asarray(0.7))
    return one_population(shape, {"loop": loop}, feed=feed)


NETWORKS = {
    "delay 1": lambda: one_population((4,), {"loop": recurrent(1)}),
    "delay 3": lambda: one_population((4,), {"loop": recurrent(3)}),
    "gain": lambda: one_population((4,), {"loop": recurrent(1, gain=normal(5, (4,), 1.0))}),
    "branches": lambda: one_population(
        (4,), {"loop": recurrent(2, shape=(4, 3, 4))}, DendriticLIF(tau_dendrite=3.0, tau_soma=5.0, branches=3)
    ),
    "channels": channels,
    "two populations": two_populations,
    "convolution": convolution,
    "plastic": lambda: two_populations(plastic=True),
}
"""The gradient of a block with plastic projections is plain in any case; it is here for its checkpoints."""


@cache
def prepared(name):
    network = NETWORKS[name]()
    state = network.init(2, key=jax.random.key(0))
    inputs = {"input": normal(9, (STEPS, 2, *network.populations["input"].shape), 0.6)}
    # Signals under way and charged membranes, so that the gradient with respect to the start is not trivial.
    state = simulate(network, inputs, state, record=lambda s: ())[1]
    return network, inputs, state


def record(state):
    cells = state.populations["cells"]
    return cells.activity, cells.neuron.voltage, cells.modulator


def loss_and_outputs(learned, fixed, options):
    network, inputs, state = eqx.combine(learned, fixed)
    recorded, end = simulate(network, inputs, state, record=record, **options)
    floats = jax.tree.leaves(eqx.filter((recorded, end), eqx.is_inexact_array))
    loss = sum(jnp.sum(jnp.sin(leaf + 0.1 * i)) for i, leaf in enumerate(floats))
    return loss, (recorded, end)


@eqx.filter_jit
def differentiated(arguments, **options):
    learned, fixed = eqx.partition(arguments, eqx.is_inexact_array)
    return jax.value_and_grad(loss_and_outputs, has_aux=True)(learned, fixed, options)


@cache
def plain(name):
    return differentiated(prepared(name), deferred=False)


@pytest.fixture(autouse=True)
def double_precision():
    """In float64 two orders of the same sums differ far less than any mistake would."""
    with jax.enable_x64(True):
        yield


def check_equal(found, expected):
    tree_allclose(found, expected, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.slow if name == "two populations" else ())
        for name in NETWORKS
        if name != "plastic"
    ],
)
def test_deferred_gradient_is_plain_autodiff(name):
    """For every parameter, the inputs and the start, delay buffers included."""
    (_, (recorded, end)), gradient = differentiated(prepared(name))
    (_, expected), plain_gradient = plain(name)
    check_equal((recorded, end), expected)
    check_equal(gradient, plain_gradient)
    assert 0.02 < np.mean(recorded[0]) < 0.95
    for channel, projection in gradient[0].projections.items():
        assert np.abs(projection.weight).max() > 1e-3, channel


@pytest.mark.parametrize(
    ("name", "length"), [pytest.param("plastic", 7, marks=pytest.mark.slow), ("delay 3", 7), ("delay 3", 100)]
)
def test_checkpoints_change_nothing(name, length):
    """24 steps in segments of 7 leave a rest of 3; 100 is more than there are."""
    assert STEPS % 7
    (_, outputs), gradient = differentiated(prepared(name), checkpoint=length)
    (_, expected), plain_gradient = plain(name)
    check_equal(outputs, expected)
    check_equal(gradient, plain_gradient)


def test_a_hoisted_gradient_is_that_of_a_stepped_one():
    """A rule that changes nothing keeps `feed` in the scan; without it one product serves all time steps."""
    network, inputs, _ = prepared("delay 1")
    feed = network.projections["feed"]
    stepped = Projection(feed.source, feed.target, feed.connection, feed.weight, STDP(0.0, 0.0), delay=feed.delay)

    @jax.jit
    @jax.grad
    def slope(learned, network):
        weight, current = learned
        network = eqx.tree_at(lambda n: n.projections["feed"].weight, network, weight)
        state = network.init(2, key=jax.random.key(0))
        recorded, _ = simulate(network, {"input": current}, state, record=record)
        return sum(jnp.sum(jnp.sin(leaf)) for leaf in recorded)

    learned = feed.weight, inputs["input"]
    slow = Network(network.populations, {**network.projections, "feed": stepped})
    expected = slope(learned, slow)
    assert np.abs(expected[0]).max() > 0.1
    tree_allclose(slope(learned, network), expected, rtol=1e-8, atol=1e-10)


def test_second_derivatives_pass_through_the_deferred_gradient():
    """Directional second derivative of a smooth network against a central difference of the gradient, in float64."""
    rng = np.random.default_rng(0)
    rule = HebbianTrace(alpha=0.3, tau=8.0)
    loop = Projection("cells", "cells", Dense(), rng.normal(size=(3, 3)), delay=2)
    feed = Projection("input", "cells", Dense(), rng.normal(size=(2, 3)), rule)
    populations = {"input": Population(Relay(), 2), "cells": Population(LeakyIntegrator(tau=4.0), 3)}
    network = Network(populations, {"feed": feed, "loop": loop})
    inputs = {"input": jnp.asarray(rng.normal(size=(12, 2, 2)))}
    state = network.init(2, key=jax.random.key(0))
    direction = jnp.asarray(rng.normal(size=(3, 3)))

    def loss(weight):
        changed = eqx.tree_at(lambda n: n.projections["loop"].weight, network, weight)
        sent, _ = simulate(changed, inputs, state, record=lambda s: s.populations["cells"].activity)
        return jnp.sum(jnp.tanh(sent))

    slope = jax.jit(jax.grad(loss))
    second = jax.jit(jax.grad(lambda weight: jnp.vdot(jax.grad(loss)(weight), direction)))
    weight, step = loop.weight, 1e-5
    assert weight.dtype == jnp.float64
    difference = (slope(weight + step * direction) - slope(weight - step * direction)) / (2 * step)
    assert np.abs(difference).max() > 0.1
    np.testing.assert_allclose(second(weight), difference, rtol=1e-6, atol=1e-7)


def test_plain_autodiff_has_a_derivative_in_forward_mode(key):
    """`deferred=False` is what forward mode needs; the derivative along a direction is that of the gradient."""
    keys = jax.random.split(key, 4)
    network = Network(
        {"input": Population(Relay(), 3), "cells": Population(LIF(), 5)},
        {
            "in": Projection("input", "cells", Dense(), 20 * jax.random.normal(keys[0], (3, 5))),
            "rec": Projection("cells", "cells", Dense(), jax.random.normal(keys[1], (5, 5)), delay=1),
        },
    )
    inputs = jax.random.normal(keys[2], (20, 2, 3))

    def loss(network, deferred):
        start = network.init(2, key=keys[3])
        spikes, _ = simulate(
            network, {"input": inputs}, start, record=lambda s: s.populations["cells"].neuron.voltage, deferred=deferred
        )
        return jnp.sum(spikes**2)

    direction = jax.tree.map(jnp.ones_like, network)
    _, forward = jax.jvp(lambda network: loss(network, False), (network,), (direction,))
    gradient = jax.grad(lambda network: loss(network, True))(network)
    backward = sum(jnp.sum(leaf) for leaf in jax.tree.leaves(gradient))
    np.testing.assert_allclose(forward, backward, rtol=1e-4)
