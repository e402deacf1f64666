"""Record the reference traces of this folder with Brian2.

Run it with the packages of ``requirements.txt`` (Python 3.11)::

    python record_brian2.py

It writes ``lif.npz``, ``dendritic.npz``, ``dendritic_limit.npz`` and ``stdp.npz``
next to this script and prints a line about each. All inputs, parameters and spike
trains come from seeded generators and are exact in float32, so that a test in
either precision sees the very same numbers. ``README.md`` tells what is in the files.

Row ``k`` of every recorded array belongs to the step from ``k * dt`` to
``(k + 1) * dt``. Brian2 runs the slots of one step in this order: start, groups
(integration), thresholds, synapses, resets, end. States of neurons are read between
thresholds and resets, weights at the end.
"""

from pathlib import Path

import brian2
import numpy as np
from brian2 import ms

FOLDER = Path(__file__).resolve().parent
NEURONS = 8
STEP_MS = 0.1
FINE_STEPS = 10  # steps of the continuous limit in one STEP_MS
LIF_SEED = 20477
DENDRITIC_SEED = 20256
STDP_SEED = 20242
SMALLEST_MARGIN = 5e-5  # |state - threshold| never gets nearer, so float32 spikes alike
LARGEST_FILE = 200_000

LIF_EQUATIONS = """
dv/dt = (resistance * drive(t, i) - v) / tau : 1
tau : second (constant)
threshold_level : 1 (constant)
resistance : 1 (constant)
"""
LIF_RESETS = {"soft": "v -= threshold_level", "hard": "v = 0"}

DENDRITIC_EQUATIONS = """
dd_0/dt = (drive_0(t, i) - d_0) / tau_0 : 1
dd_1/dt = (drive_1(t, i) - d_1) / tau_1 : 1
du/dt = (resistance * (d_0 + d_1) - u) / tau_soma : 1
tau_0 : second (constant)
tau_1 : second (constant)
tau_soma : second (constant)
threshold_level : 1 (constant)
resistance : 1 (constant)
"""

STDP_EQUATIONS = """
w : 1
dapre/dt = -apre / tau_plus : 1 (event-driven)
dapost/dt = -apost / tau_minus : 1 (event-driven)
"""
STDP_ON_PRE = """
apre += 1
w -= a_minus * apost
"""
STDP_ON_POST = """
apost += 1
w += a_plus * apre
"""


def on_grid(values):
    """Round to multiples of 1/64, which float32 holds exactly."""
    return (np.round(np.asarray(values) * 64) / 64).astype(np.float32)


def piecewise(generator, low, high, steps, block, columns):
    """Draw an input [steps, columns] that changes every ``block`` steps."""
    levels = generator.uniform(low, high, size=(-(-steps // block), columns))
    return on_grid(np.repeat(levels, block, axis=0)[:steps])


def timed(values):
    """Give Brian2 an input that holds its row over each STEP_MS."""
    return brian2.TimedArray(values.astype(np.float64), dt=STEP_MS * ms)


def spike_matrix(monitor, steps, columns, step_ms):
    """Turn the events of a SpikeMonitor into booleans [steps, columns]."""
    spikes = np.zeros((steps, columns), dtype=bool)
    rows = np.rint(np.asarray(monitor.t / ms) / step_ms).astype(int)
    spikes[rows, np.asarray(monitor.i)] = True
    return spikes


def smallest_margin(state, threshold):
    """Find how near a state [steps, neurons] ever comes to its threshold."""
    margin = float(np.abs(state - threshold).min())
    assert margin > SMALLEST_MARGIN, "a spike hangs on rounding, take another seed"
    return margin


def save(name, **arrays):
    """Write one file, check its size and print what it holds."""
    path = FOLDER / name
    np.savez_compressed(path, **arrays)
    size = path.stat().st_size
    assert size < LARGEST_FILE, f"{name} has {size} bytes"
    print(f"{name}: {size} bytes")


def run_neurons(equations, reset, method, step_ms, steps, state, namespace, parameters):
    """Run uncoupled neurons; return the state before resets and the spikes.

    ``state`` maps each recorded variable to the name of its threshold or None.
    """
    brian2.start_scope()
    brian2.defaultclock.dt = step_ms * ms
    (spiking,) = (name for name, threshold in state.items() if threshold)
    group = brian2.NeuronGroup(
        NEURONS,
        equations,
        threshold=f"{spiking} > {state[spiking]}",
        reset=reset,
        method=method,
        namespace=namespace,
    )
    for name, value in parameters.items():
        setattr(group, name, value)
    states = brian2.StateMonitor(group, list(state), record=True, when="before_resets")
    events = brian2.SpikeMonitor(group)
    network = brian2.Network(group, states, events)
    network.run(steps * step_ms * ms)
    recorded = {name: np.asarray(getattr(states, name)).T for name in state}
    assert recorded[spiking].shape == (steps, NEURONS)
    return recorded, spike_matrix(events, steps, NEURONS, step_ms)


def record_lif():
    """Record leaky integrate-and-fire neurons with a soft and with a hard reset."""
    steps = 3000
    generator = np.random.default_rng(LIF_SEED)
    tau_ms = np.array([5, 8, 12, 16, 20, 25, 32, 40], dtype=np.float32)
    threshold = on_grid(np.linspace(1.5, 0.5, NEURONS))
    resistance = on_grid(generator.permutation(np.linspace(0.8, 1.5, NEURONS)))
    drive = piecewise(generator, -0.75, 2.5, steps, 100, NEURONS)
    parameters = {
        "tau": tau_ms.astype(np.float64) * ms,
        "threshold_level": threshold,
        "resistance": resistance,
    }
    arrays = {}
    for kind, reset in LIF_RESETS.items():
        recorded, spikes = run_neurons(
            LIF_EQUATIONS, reset, "exact", STEP_MS, steps,
            {"v": "threshold_level"}, {"drive": timed(drive)}, parameters,
        )  # fmt: skip
        counts = spikes.sum(axis=0)
        assert counts.min() >= 3, counts
        assert counts.max() <= 30, counts
        margin = smallest_margin(recorded["v"], threshold)
        print(f"lif {kind}: spikes {counts}, margin {margin:.1e}")
        arrays[f"voltage_{kind}"] = recorded["v"].astype(np.float32)
        arrays[f"spikes_{kind}"] = spikes
    save(
        "lif.npz", current=drive, **arrays,
        tau_ms=tau_ms, threshold=threshold, resistance=resistance, dt_ms=np.float64(STEP_MS),
    )  # fmt: skip


def dendritic_setting(steps):
    """Draw the input [steps, 2, neurons] and the parameters of dendritic neurons."""
    generator = np.random.default_rng(DENDRITIC_SEED)
    drive = piecewise(generator, -0.5, 2.0, steps, 50, 2 * NEURONS)
    return {
        "current": drive.reshape(steps, 2, NEURONS),
        "tau_dendrite_ms": np.array([[3, 5, 7, 9, 11, 14, 18, 24], [40, 30, 22, 17, 13, 10, 6, 4]], dtype=np.float32),
        "tau_soma_ms": np.array([5, 8, 12, 16, 20, 25, 32, 38], dtype=np.float32),
        "threshold": on_grid(np.linspace(1.5, 0.75, NEURONS)),
        "resistance": on_grid(generator.permutation(np.linspace(0.8, 1.5, NEURONS))),
        "dt_ms": np.float64(STEP_MS),
    }


def run_dendritic(setting, method, substeps):
    """Run dendritic neurons with ``substeps`` steps of Brian2 per STEP_MS."""
    steps = len(setting["current"]) * substeps
    tau_dendrite = setting["tau_dendrite_ms"].astype(np.float64) * ms
    parameters = {
        "tau_0": tau_dendrite[0],
        "tau_1": tau_dendrite[1],
        "tau_soma": setting["tau_soma_ms"].astype(np.float64) * ms,
        "threshold_level": setting["threshold"],
        "resistance": setting["resistance"],
    }
    drives = {f"drive_{branch}": timed(setting["current"][:, branch]) for branch in range(2)}
    recorded, spikes = run_neurons(
        DENDRITIC_EQUATIONS, "u -= threshold_level", method, STEP_MS / substeps, steps,
        {"d_0": None, "d_1": None, "u": "threshold_level"}, drives, parameters,
    )  # fmt: skip
    dendrites = np.stack([recorded["d_0"], recorded["d_1"]], axis=1)
    return dendrites, recorded["u"], spikes


def record_dendritic():
    """Record two-branch neurons with exponential Euler and in the continuous limit."""
    setting = dendritic_setting(steps=2000)
    dendrites, soma, spikes = run_dendritic(setting, "exponential_euler", 1)
    margin = smallest_margin(soma, setting["threshold"])
    print(f"dendritic: spikes {spikes.sum(axis=0)}, margin {margin:.1e}")
    save(
        "dendritic.npz", **setting, spikes=spikes,
        dendrites=dendrites.astype(np.float32), soma=soma.astype(np.float32),
    )  # fmt: skip
    dendrites, soma, spikes = run_dendritic(setting, "exact", FINE_STEPS)
    binned = spikes.reshape(-1, FINE_STEPS, NEURONS)
    assert binned.sum(axis=1).max() == 1, "two spikes in one coarse step"
    print(f"dendritic limit: spikes {spikes.sum(axis=0)}")
    last = slice(FINE_STEPS - 1, None, FINE_STEPS)  # the fine step ending each coarse one
    save(
        "dendritic_limit.npz", **setting, spikes=binned.any(axis=1),
        dendrites=dendrites[last].astype(np.float32), soma=soma[last].astype(np.float32),
        fine_spikes=np.argwhere(spikes).astype(np.int32),
        fine_dt_ms=np.float64(STEP_MS / FINE_STEPS),
    )  # fmt: skip


def spike_source(spikes):
    """Play booleans [steps, columns] as a SpikeGeneratorGroup with 1 ms steps."""
    rows, columns = np.nonzero(spikes)
    return brian2.SpikeGeneratorGroup(spikes.shape[1], columns, rows * ms)


def run_stdp(pre_spikes, post_spikes, constants):
    """Return the weights [steps, pre, post] at the end of each step of 1 ms."""
    brian2.start_scope()
    brian2.defaultclock.dt = 1 * ms
    steps, pre_count = pre_spikes.shape
    post_count = post_spikes.shape[1]
    pre, post = spike_source(pre_spikes), spike_source(post_spikes)
    namespace = {
        "tau_plus": constants["tau_plus_ms"] * ms,
        "tau_minus": constants["tau_minus_ms"] * ms,
        "a_plus": constants["a_plus"],
        "a_minus": constants["a_minus"],
    }
    synapses = brian2.Synapses(
        pre, post, STDP_EQUATIONS, on_pre=STDP_ON_PRE, on_post=STDP_ON_POST,
        method="exact", namespace=namespace,
    )  # fmt: skip
    synapses.connect()
    synapses.pre.order, synapses.post.order = 0, 1  # within a step: pre first
    synapses.w = constants["initial_weight"]
    weights = brian2.StateMonitor(synapses, "w", record=True, when="end")
    pre_events, post_events = brian2.SpikeMonitor(pre), brian2.SpikeMonitor(post)
    network = brian2.Network(pre, post, synapses, weights, pre_events, post_events)
    network.run(steps * ms)
    assert (spike_matrix(pre_events, steps, pre_count, 1) == pre_spikes).all()
    assert (spike_matrix(post_events, steps, post_count, 1) == post_spikes).all()
    trajectory = np.zeros((steps, pre_count, post_count))
    trajectory[:, np.asarray(synapses.i), np.asarray(synapses.j)] = np.asarray(weights.w).T
    return trajectory


def record_stdp():
    """Record pair-based plasticity between 6 pre and 5 post neurons."""
    steps = 400
    constants = {
        "a_plus": 0.01,
        "a_minus": 0.012,
        "tau_plus_ms": 20.0,
        "tau_minus_ms": 25.0,
        "initial_weight": 0.5,
    }
    together = np.zeros((3, 1), dtype=bool)
    together[1] = True
    assert np.isclose(run_stdp(together, together, constants)[-1, 0, 0], 0.51, atol=1e-15)

    generator = np.random.default_rng(STDP_SEED)
    pre_spikes = generator.random((steps, 6)) < 0.02
    post_spikes = generator.random((steps, 5)) < 0.02
    for post in range(5):  # let each post neuron fire once together with a pre neuron
        post_spikes[np.flatnonzero(pre_spikes[:, post])[1], post] = True
    weights = run_stdp(pre_spikes, post_spikes, constants)
    coincidences = int((pre_spikes[:, :, None] & post_spikes[:, None, :]).sum())
    print(
        f"stdp: pre {pre_spikes.sum(axis=0)}, post {post_spikes.sum(axis=0)}, "
        f"{coincidences} coincidences, weights {weights[-1].min():.3f}..{weights[-1].max():.3f}"
    )
    save(
        "stdp.npz", pre_spikes=pre_spikes, post_spikes=post_spikes, weights=weights,
        dt_ms=np.float64(1.0), **{name: np.float64(value) for name, value in constants.items()},
    )  # fmt: skip


if __name__ == "__main__":
    brian2.prefs.codegen.target = "numpy"
    record_lif()
    record_dendritic()
    record_stdp()
