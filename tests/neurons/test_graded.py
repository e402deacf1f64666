"""Dendrites, leaky integrator and relay against their closed forms."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from metaplast.network import Network, Population
from metaplast.neurons import DendriticLIF, LeakyIntegrator, Relay
from metaplast.neurons.rate import softplus
from metaplast.simulate import simulate


def play(neuron, current, dt, record):
    current = jnp.asarray(current, jnp.float32)
    network = Network({"cells": Population(neuron, current.shape[-1:])}, {}, dt=dt)
    state = network.init(1, key=jax.random.key(0))
    return simulate(network, {"cells": current[:, None]}, state, record=lambda s: record(s.populations["cells"]))[0]


def test_dendritic_impulse_response_is_a_double_exponential():
    """An impulse into one branch leaves the soma (1 - a)(1 - b)(a^(t+1) - b^(t+1)) / (a - b) t steps later."""
    dt, taus, soma, resistance = 0.5, np.array([3.0, 30.0]), 10.0, 1.5
    b, a = np.exp(-dt / taus), np.exp(-dt / soma)
    steps = np.arange(80)[:, None]
    current = np.zeros((80, 2, 2), np.float32)
    current[0] = np.eye(2)  # cell k receives its impulse on branch k
    neuron = DendriticLIF(tau_dendrite=taus[:, None], tau_soma=soma, resistance=resistance, branches=2)
    dendrite, voltage = play(neuron, current, dt, lambda cell: (cell.neuron.dendrite, cell.neuron.voltage))
    exact = resistance * (1 - a) * (1 - b) * (a ** (steps + 1) - b ** (steps + 1)) / (a - b)
    np.testing.assert_allclose(voltage[:, 0], exact, rtol=1e-4, atol=1e-7)
    for branch in range(2):
        np.testing.assert_allclose(
            dendrite[:, 0, branch, branch], (1 - b[branch]) * b[branch] ** steps[:, 0], rtol=1e-4
        )
        np.testing.assert_array_equal(dendrite[:, 0, branch, 1 - branch], 0.0)


def test_dendritic_soma_spikes_and_loses_its_threshold():
    neuron = DendriticLIF(tau_dendrite=1e-3 + 0.1, tau_soma=20.0, threshold=0.5)
    spikes, voltage = play(neuron, np.full((30, 1, 1), 2.0), 1.0, lambda cell: (cell.activity, cell.neuron.voltage))
    when = np.flatnonzero(spikes[:, 0, 0])
    keep = np.exp(-1 / 20.0)
    assert len(when) > 3
    first = when[0]
    expected = keep * voltage[first, 0, 0] - 0.5 + (1 - keep) * 2.0
    np.testing.assert_allclose(voltage[first + 1, 0, 0], expected, rtol=1e-4)


def test_a_dendritic_neuron_needs_a_branch():
    with pytest.raises(ValueError, match=r"DendriticLIF\.branches is 0"):
        DendriticLIF(branches=0)


def test_leaky_integrator_follows_its_closed_form():
    dt, tau = 0.5, np.array([4.0, 25.0])
    sent, voltage = play(
        LeakyIntegrator(tau=tau), np.full((60, 2), 3.0), dt, lambda cell: (cell.activity, cell.neuron.voltage)
    )
    time = dt * np.arange(1, 61)[:, None]
    np.testing.assert_allclose(voltage[:, 0], 3.0 * (1 - np.exp(-time / tau)), rtol=1e-4)
    np.testing.assert_array_equal(sent, voltage)


def test_a_relay_passes_its_current_on(key):
    current = jax.random.normal(key, (9, 4))
    np.testing.assert_array_equal(play(Relay(), current, 1.0, lambda cell: cell.activity)[:, 0], current)


@pytest.mark.parametrize("x", [-50.0, -1.0, 0.0, 2.0, 50.0])
def test_softplus_has_the_derivatives_of_that_of_jax(x):
    ours, theirs = softplus, jax.nn.softplus
    for _ in range(3):
        np.testing.assert_allclose(ours(x), theirs(x), rtol=1e-5, atol=1e-7)
        ours, theirs = jax.grad(ours), jax.grad(theirs)
