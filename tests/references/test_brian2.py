"""Recorded traces of Brian2: other people's numbers. See README.md here for what a row of a recording is."""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from metaplast.connections import Dense
from metaplast.network import Network, Population, Projection
from metaplast.neurons import LIF, DendriticLIF, Relay, hard_reset, soft_reset
from metaplast.plasticity import STDP
from metaplast.simulate import simulate


def load(name):
    with np.load(Path(__file__).parent / f"{name}.npz") as recorded:
        return dict(recorded)


def play(neuron, current, dt, record):
    network = Network({"cells": Population(neuron, current.shape[-1])}, {}, dt=dt)
    state = network.init(1, key=jax.random.key(0))
    current = jnp.asarray(current)[:, None]
    recorded, _ = simulate(network, {"cells": current}, state, record=lambda s: record(s.populations["cells"]))
    return jax.tree.map(lambda x: np.asarray(x[:, 0]), recorded)


@pytest.mark.parametrize(("name", "reset"), [("soft", soft_reset), ("hard", hard_reset)])
def test_lif(name, reset):
    """Both are exact for a current held over a step: every spike in its step, every membrane to float32 rounding."""
    told = load("lif")
    neuron = LIF(tau=told["tau_ms"], threshold=told["threshold"], resistance=told["resistance"], reset=reset)
    record = lambda cell: (cell.activity, cell.neuron.voltage)  # noqa: E731
    spikes, voltage = play(neuron, told["current"], float(told["dt_ms"]), record)
    assert told[f"spikes_{name}"].sum() > 50
    np.testing.assert_array_equal(spikes > 0, told[f"spikes_{name}"])
    np.testing.assert_allclose(voltage, told[f"voltage_{name}"], atol=3e-5)


def play_dendritic(told, dt):
    """`dt` may divide the step of the recording; rows are the last of each of its steps, spikes any of them."""
    fine = round(float(told["dt_ms"]) / dt)
    neuron = DendriticLIF(
        tau_dendrite=told["tau_dendrite_ms"],
        tau_soma=told["tau_soma_ms"],
        threshold=told["threshold"],
        resistance=told["resistance"],
        branches=2,
    )
    record = lambda cell: (cell.neuron.dendrite, cell.neuron.voltage, cell.activity)  # noqa: E731
    dendrite, soma, spikes = play(neuron, np.repeat(told["current"], fine, axis=0), dt, record)
    return dendrite[fine - 1 :: fine], soma[fine - 1 :: fine], spikes.reshape(-1, fine, spikes.shape[1]).any(axis=1)


def test_dendrites():
    """Branches have no reset and a current held over each step, so they agree to float32 rounding."""
    told = load("dendritic")
    dendrite, _, _ = play_dendritic(told, float(told["dt_ms"]))
    assert np.abs(told["dendrites"]).max() > 0.5
    np.testing.assert_allclose(dendrite, told["dendrites"], atol=2e-5)


def shifts(spikes, told):
    """Steps between each spike and its counterpart in the recording; every cell must have as many."""
    np.testing.assert_array_equal(spikes.sum(axis=0), told.sum(axis=0))
    return np.concatenate([np.flatnonzero(a) - np.flatnonzero(b) for a, b in zip(spikes.T, told.T, strict=True)])


def test_dendritic_soma_at_the_step_of_the_recording():
    """Not the same discretisation, so not the same numbers: Brian2's soma sees the dendrites from before the step
    and its reset decays, ours (DH-SNN's) sees the new ones and subtracts the reset undecayed. Compared are the
    number of spikes of each cell, exactly; their times, within 1 ms; and the membrane in the median of all steps."""
    told = load("dendritic")
    _, soma, spikes = play_dendritic(told, 0.1)
    assert np.abs(shifts(spikes, told["spikes"])).max() <= 10
    assert np.median(np.abs(soma - told["soma"])) < 0.01


def test_dendritic_soma_converges_to_the_limit():
    """Against a recording integrated at 0.01 ms, ten times finer than its rows: the two discretisations meet in the
    limit. Our spike counts are the recording's at every dt, the spikes at 0.01 ms are at most 0.1 ms away, and the
    median error of the membrane falls about in proportion to dt (0.0044, 0.0019, 0.0003 when written). The largest
    error does not: where a spike is one row early, that row differs by the threshold."""
    told = load("dendritic_limit")
    late, errors = [], []
    for dt in (0.1, 0.05, 0.01):
        _, soma, spikes = play_dendritic(told, dt)
        late.append(np.abs(shifts(spikes, told["spikes"])).max())
        errors.append(np.median(np.abs(soma - told["soma"])))
    assert late[0] <= 12
    assert late[2] <= 1
    assert errors[0] < 0.006
    assert errors[1] < 0.6 * errors[0]
    assert errors[2] < 0.3 * errors[1]


def test_stdp():
    """All pairs, additive. Brian2 potentiates at the end of the step of a postsynaptic spike, our synapse hears of it
    one step later; so what that step adds, (trace of pre) x (spike of post), is added here before comparing."""
    told = load("stdp")
    names = ("a_plus", "a_minus", "tau_plus", "tau_minus")
    rule = STDP(*(told.get(name, told.get(f"{name}_ms")) for name in names))
    start = jnp.full((6, 5), told["initial_weight"])
    feed = Projection("pre", "post", Dense(), start, rule, gain=jnp.zeros(()))  # what arrives must not disturb `post`
    network = Network({"pre": Population(Relay(), 6), "post": Population(Relay(), 5)}, {"feed": feed}, dt=1.0)
    inputs = {name: jnp.asarray(told[f"{name}_spikes"], jnp.float32)[:, None] for name in ("pre", "post")}

    def record(state):
        plastic = state.projections["feed"].plasticity
        pending = rule.a_plus * plastic.pre[0, :, None] * state.populations["post"].activity[0]
        return plastic.change + pending

    change, _ = simulate(network, inputs, network.init(1, key=jax.random.key(0)), record=record)
    assert np.abs(told["weights"] - told["initial_weight"]).max() > 0.05
    np.testing.assert_allclose(told["initial_weight"] + change, told["weights"], atol=2e-5)
