"""LIF against its closed forms."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from metaplast.network import Network, Population
from metaplast.neurons import LIF, DendriticLIF, hard_reset, soft_reset
from metaplast.neurons.lif import LIFState
from metaplast.signals import Drive
from metaplast.simulate import simulate

TAU, RESISTANCE = 12.0, 2.0


def play(neuron, current, dt):
    """Spikes and membranes of cells [time, cells] that each receive their own current."""
    current = jnp.asarray(current, jnp.float32)
    network = Network({"cells": Population(neuron, current.shape[1])}, {}, dt=dt)

    def record(state):
        return state.populations["cells"].activity, state.populations["cells"].neuron.voltage

    state = network.init(1, key=jax.random.key(0))
    spikes, voltage = simulate(network, {"cells": current[:, None]}, state, record=record)[0]
    return np.asarray(spikes[:, 0]), np.asarray(voltage[:, 0])


def test_charging_by_a_constant_current():
    dt, level = 0.5, np.array([0.1, 0.3, -0.4])
    spikes, voltage = play(LIF(tau=TAU, resistance=RESISTANCE), np.tile(level, (200, 1)), dt)
    time = dt * np.arange(1, 201)[:, None]
    np.testing.assert_allclose(voltage, RESISTANCE * level * (1 - np.exp(-time / TAU)), rtol=1e-4, atol=1e-6)
    assert spikes.sum() == 0


@pytest.mark.parametrize("reset", [soft_reset, hard_reset])
def test_rate_approaches_the_current_frequency_curve(reset):
    """T = tau ln(R I / (R I - threshold)); a grid of dt can only be late, by at most one step an interval."""
    level = np.array([0.4, 0.6, 0.9, 1.5])
    exact = TAU * np.log(RESISTANCE * level[1:] / (RESISTANCE * level[1:] - 1))
    errors = []
    for dt in (1.0, 0.1):
        steps = round(150 / dt)
        neuron = LIF(tau=TAU, resistance=RESISTANCE, reset=reset)
        spikes, _ = play(neuron, np.tile(level, (steps, 1)), dt)
        assert spikes[:, 0].sum() == 0, "below rheobase"
        times = [np.flatnonzero(cell) * dt for cell in spikes[:, 1:].T]
        interval = np.array([np.diff(t).mean() for t in times])
        # A soft reset keeps what exceeds the threshold, so it may also be early by what one step adds.
        assert (interval - exact <= dt + 1e-3).all()
        assert (interval - exact >= (-1e-3 if reset is hard_reset else -dt)).all()
        errors.append(np.abs(interval - exact).max())
    assert errors[1] < 0.11
    assert errors[1] < errors[0] / 2


@pytest.mark.parametrize(("reset", "left"), [(soft_reset, 0.5), (hard_reset, 0.0)])
def test_reset_is_taken_from_the_membrane_after_the_spike(reset, left):
    neuron = LIF(tau=TAU, reset=reset)
    start = LIFState(jnp.zeros((1, 1)), jnp.full((1, 1), 1.5 / np.exp(-1 / TAU)))
    rest = Drive(jnp.zeros((1, 1)), jnp.zeros(()))
    spikes, state = neuron.step(rest, start, 1.0)
    assert float(spikes[0, 0]) == 1.0
    np.testing.assert_allclose(state.voltage, 1.5, rtol=1e-5)
    spikes, state = neuron.step(rest, state, 1.0)
    assert float(spikes[0, 0]) == 0.0
    np.testing.assert_allclose(state.voltage, left * np.exp(-1 / TAU), atol=1e-6)


def test_a_membrane_at_the_threshold_does_not_spike():
    start = LIFState(jnp.zeros((1, 1)), jnp.ones((1, 1)))
    spikes, state = LIF(tau=jnp.inf).step(Drive(jnp.zeros((1, 1)), jnp.zeros(())), start, 1.0)
    assert float(state.voltage[0, 0]) == 1.0
    assert float(spikes[0, 0]) == 0.0


def test_halving_dt_converges():
    """A current that varies is held over a step: the error of the membrane falls with dt, and spikes come in time."""
    errors, times = [], []
    finest = 0.0625
    for dt in (1.0, 0.5, 0.25, finest):
        start = dt * np.arange(round(120 / dt))[:, None]
        _, voltage = play(LIF(tau=TAU), 0.5 + 0.4 * np.sin(start / 7 + np.arange(3)), dt)
        end = dt * np.arange(1, len(start) + 1)[:, None]
        spikes, _ = play(LIF(tau=TAU, reset=hard_reset), 1.5 + 0.8 * np.sin(start / 7 + np.arange(3)), dt)
        times.append([end[cell > 0, 0] for cell in spikes.T])
        errors.append(voltage[np.isclose(end[:, 0] % 1.0, 0) | np.isclose(end[:, 0] % 1.0, 1)])
    coarse = [np.abs(error - errors[-1]).max() for error in errors[:-1]]
    assert 1.7 < coarse[0] / coarse[1] < 2.6
    assert 1.7 < coarse[1] / coarse[2] < 2.9
    late = [max(np.abs(a - b).max() for a, b in zip(t, times[-1], strict=True)) for t in times[:-1]]
    assert late[2] < late[0]
    assert late[2] < 1.5


def test_threshold_of_the_drive_adds_to_its_own():
    start = LIFState(jnp.zeros((1, 2)), jnp.full((1, 2), 1.2))
    drive = Drive(jnp.full((1, 2), 1.2), jnp.asarray([[0.0, 0.3]]))
    spikes, state = LIF(tau=TAU).step(drive, start, 1.0)
    np.testing.assert_array_equal(spikes, [[1.0, 0.0]])
    np.testing.assert_allclose(state.voltage - state.rested, [[1.0, 0.0]])


@pytest.mark.parametrize("reset", [soft_reset, hard_reset])
def test_a_hard_reset_empties_the_soma_of_a_dendritic_cell_and_a_soft_one_takes_a_threshold(reset):
    neuron = DendriticLIF(tau_soma=TAU, reset=reset)
    start = neuron.init((1, 1), jax.random.key(0))._replace(rested=jnp.full((1, 1), 1.5))
    spikes, state = neuron.step(Drive(jnp.zeros((1, 1, 1)), jnp.zeros(())), start, 1.0)
    assert float(spikes[0, 0]) == 1.0
    left = 0.0 if reset is hard_reset else 1.5 * np.exp(-1 / TAU) - 1.0
    np.testing.assert_allclose(state.rested, left, atol=1e-6)
