"""e-prop against the gradient through time where both are the same: cells without recurrence and reset."""

import jax
import jax.numpy as jnp
import numpy as np

from metaplast.connections import Conv, Dense
from metaplast.network import Network, Population, Projection, carry_over
from metaplast.neurons import LIF, Relay
from metaplast.plasticity import Eprop
from metaplast.simulate import simulate

TAU, STEPS, BATCH = 4.0, 15, 3
NEURON = LIF(tau=TAU, resistance=1 / (1 - np.exp(-1 / TAU)), reset=lambda voltage, spikes, threshold: 0 * voltage)


def network(weight, rule, connection, source, target, signal=None):
    populations = {"input": Population(Relay(), source), "cells": Population(NEURON, target)}
    projections = {"feed": Projection("input", "cells", connection, weight, rule) if rule else
                   Projection("input", "cells", connection, weight)}  # fmt: skip
    if signal is not None:
        populations["teacher"] = Population(Relay(), int(np.prod(target)))
        reach = jnp.eye(int(np.prod(target))).reshape(-1, *target)
        projections["teach"] = Projection("teacher", "cells", Dense(), reach, port="modulator")
    return Network(populations, projections)


def compare(connection, source, target, weight):
    """Change by e-prop with a vanishing rate, and the gradient of sum_t mean_batch <L_t, s_t>."""
    rng = np.random.default_rng(0)
    x = jnp.asarray(rng.random((STEPS, BATCH, *source)) < 0.4, jnp.float32)
    signal = jnp.asarray(rng.normal(size=(STEPS, BATCH, *target)), jnp.float32)
    rate = 1e-6
    taught = network(weight, Eprop(rate=rate, tau=TAU), connection, source, target, signal)
    state = taught.init(BATCH, key=jax.random.key(0))
    inputs = {"input": x, "teacher": signal.reshape(STEPS, BATCH, -1)}
    end = jax.jit(lambda inputs: simulate(taught, inputs, state, record=lambda s: ())[1])(inputs)
    change = carry_over(taught, end, BATCH, key=jax.random.key(0)).projections["feed"].plasticity.change

    def loss(weight):
        plain = network(weight, None, connection, source, target)
        read = lambda state: state.populations["cells"].activity  # noqa: E731
        spikes = simulate(plain, {"input": x}, plain.init(BATCH, key=jax.random.key(0)), record=read)[0]
        return jnp.sum(signal * spikes) / BATCH, spikes

    gradient, spikes = jax.jit(jax.grad(loss, has_aux=True))(weight)
    assert 0.05 < spikes.mean() < 0.95
    assert np.abs(gradient).max() > 0.1
    np.testing.assert_allclose(-change / rate, gradient, rtol=1e-3, atol=2e-3)


def test_it_is_the_gradient_through_time():
    weight = jnp.asarray(np.random.default_rng(1).normal(0.3, 0.3, (6, 4)), jnp.float32)
    compare(Dense(), (6,), (4,), weight)


def test_so_it_is_for_a_kernel():
    weight = jnp.asarray(np.random.default_rng(2).normal(0.1, 0.2, (3, 3, 2, 3)), jnp.float32)
    compare(Conv(), (3, 4, 2), (3, 4, 3), weight)


def test_without_a_learning_signal_nothing_changes():
    weight = jnp.asarray(np.random.default_rng(3).normal(0.3, 0.3, (6, 4)), jnp.float32)
    net = network(weight, Eprop(rate=1.0, tau=TAU), Dense(), (6,), (4,))
    x = jnp.ones((STEPS, BATCH, 6))
    end = simulate(net, {"input": x}, net.init(BATCH, key=jax.random.key(0)), record=lambda s: ())[1]
    assert not end.projections["feed"].plasticity.change.any()
