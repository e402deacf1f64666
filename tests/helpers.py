"""One example of every registered component, and small networks around them that are known to spike."""

from functools import cache
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from metaplast.connections import CONNECTIONS, AveragePool, Connection, Conv, Dense, EventDense, OneToOne, Sparse
from metaplast.intrinsic import INTRINSIC, AdaptiveThreshold, HomeostaticThreshold, Noise, Refractory
from metaplast.mechanism import Mechanism, chain
from metaplast.network import Network, NetworkState, Population, Projection
from metaplast.neurons import LIF, NEURONS, Axon, DendriticLIF, GatedUnit, LeakyIntegrator, LeakyRate, Neuron, Relay
from metaplast.params import path_name
from metaplast.plasticity import (
    BCM,
    PLASTICITY,
    STDP,
    Eprop,
    HebbianSynapse,
    HebbianTrace,
    Oja,
    SynapticScaling,
    TripletSTDP,
)
from metaplast.simulate import simulate

STEPS, BATCH = 50, 3


class Wiring(NamedTuple):
    """A connection with shapes that fit it."""

    connection: Connection
    source: tuple[int, ...]
    target: tuple[int, ...]
    weight: tuple[int, ...] | None
    inputs: int
    """Synapses that one target cell has."""


MASK = np.random.default_rng(5).random((6, 5)) < 0.6

WIRINGS: dict[str, Wiring] = {
    "dense": Wiring(Dense(), (6,), (5,), (6, 5), 6),
    "event-dense": Wiring(EventDense(), (6,), (5,), (6, 5), 6),
    "sparse": Wiring(Sparse(MASK), (6,), (5,), (6, 5), 4),
    "one-to-one": Wiring(OneToOne(), (5,), (5,), (5,), 1),
    "conv": Wiring(Conv(), (3, 4, 2), (3, 4, 2), (3, 3, 2, 2), 12),
    "average-pool": Wiring(AveragePool(), (4, 4, 2), (2, 2, 2), None, 1),
}
WEIGHTED = [name for name, wiring in WIRINGS.items() if wiring.weight is not None]

NEURON_EXAMPLES: dict[str, Neuron] = {
    "lif": LIF(tau=5.0),
    "dendritic-lif": DendriticLIF(tau_dendrite=3.0, tau_soma=5.0, branches=2),
    "leaky-integrator": LeakyIntegrator(tau=5.0),
    "leaky-rate": LeakyRate(tau=5.0, initial=0.3),
    "gated-unit": GatedUnit(),
    "relay": Relay(),
    "axon": Axon(delay=2.3, longest=4),
}
GRADED = {"leaky-integrator", "leaky-rate", "gated-unit", "relay", "axon"}
"""Neurons that send a graded value instead of spikes."""

PLASTICITY_EXAMPLES: dict[str, Mechanism] = {
    "stdp": STDP(a_plus=0.02, a_minus=0.03, tau_plus=10.0, tau_minus=15.0),
    "hebbian-trace": HebbianTrace(alpha=0.05, theta=0.2, tau=10.0),
    "hebbian-synapse": HebbianSynapse(beta=0.05, eta=0.2, keep=0.9, attenuation=40.0),
    "triplet-stdp": TripletSTDP(a2_plus=0.01, a3_plus=0.02, a2_minus=0.01, a3_minus=0.005, tau_x=30.0, tau_y=40.0),
    "oja": Oja(rate=0.01, tau=5.0),
    "bcm": BCM(rate=0.2, target=0.2, tau=5.0, tau_theta=10.0),
    "synaptic-scaling": SynapticScaling(target=0.2, rate=0.02, tau=10.0),
    "e-prop": Eprop(rate=0.003, tau=5.0),
}
ADDITIVE = ("stdp", "triplet-stdp", "hebbian-trace", "hebbian-synapse", "bcm")
"""Rules whose change is a sum of outer products that do not read the weight: linear in the geometry."""

MULTIPLICATIVE = ("oja", "synaptic-scaling")
"""Rules whose change depends on the weight itself."""

RESTLESS = ("oja", "bcm", "synaptic-scaling")
"""Rules on running rates, which outlive the last spike: they go on for a while in silence."""

FINISHED = ("hebbian-synapse",)
"""Rules that take in what the last step taught at the end of a simulation."""

INTRINSIC_EXAMPLES: dict[str, Mechanism] = {
    "adaptive-threshold": AdaptiveThreshold(beta=0.5, tau=20.0),
    "homeostatic-threshold": HomeostaticThreshold(target=0.3, rate=0.05),
    "refractory": Refractory(period=2.0),
    "noise": Noise(sigma=0.3, tau=2.0),
}
RANDOM = {"noise"}
"""Mechanisms that draw numbers in the shape of the batch, so one example alone draws others."""

EXAMPLES: dict[str, dict[str, Any]] = {
    "neuron": NEURON_EXAMPLES,
    "connection": WIRINGS,
    "plasticity": PLASTICITY_EXAMPLES,
    "intrinsic": INTRINSIC_EXAMPLES,
}
REGISTRIES: dict[str, dict[str, type]] = {
    "neuron": NEURONS,
    "connection": CONNECTIONS,
    "plasticity": PLASTICITY,
    "intrinsic": INTRINSIC,
}
COMPONENTS = [(kind, name) for kind, registry in REGISTRIES.items() for name in registry]


class Scene(NamedTuple):
    """A network that spikes, with an input and a state to start from."""

    network: Network
    inputs: dict[str, jax.Array]
    state: NetworkState


def watch(state: NetworkState) -> Any:
    return state.populations["cells"].activity, state.populations["readout"].activity


TRACES: list[str] = []
"""Grows by one whenever `run` is traced."""


@eqx.filter_jit
def run(network: Network, inputs: dict[str, jax.Array], state: NetworkState) -> Any:
    TRACES.append("run")
    return simulate(network, inputs, state, record=watch)


@cache
def scene(kind: str = "neuron", name: str = "lif", wiring: str = "dense", batch: int = BATCH) -> Scene:
    """A network around one registered component, everything else at its plainest."""
    example = EXAMPLES[kind][name]
    options = {"wiring": WIRINGS[wiring], "neuron": NEURON_EXAMPLES["lif"], "plasticity": chain(), "intrinsic": chain()}
    options["wiring" if kind == "connection" else kind] = example
    network = build(**options)
    state = network.init(batch, key=jax.random.key(1))
    made = Scene(network, make_inputs(network, batch), state)
    check_spikes(made, graded=kind == "neuron" and name in GRADED)
    return made


def build(wiring: Wiring, neuron: Neuron, plasticity: Mechanism, intrinsic: Mechanism) -> Network:
    """Input, cells with two recurrent loops, readout and a third factor; every kind of delay, every port."""
    rng = np.random.default_rng(3)
    drive = neuron.drive_shape(wiring.target)
    cells = int(np.prod(wiring.target))
    feed = wiring.weight if drive == wiring.target else (wiring.weight[0], *drive)

    def weight(shape: tuple[int, ...], mean: float, spread: float) -> jax.Array:
        return jnp.asarray(rng.normal(mean, spread, shape), jnp.float32)

    populations = {
        "input": Population(Relay(), wiring.source),
        "teacher": Population(Relay(), 2),
        "cells": Population(neuron, wiring.target, intrinsic, bias=jnp.full(drive, 0.1)),
        "readout": Population(LeakyIntegrator(tau=10.0), 2),
    }
    strength = 4.5 / wiring.inputs
    projections = {
        "feed": Projection(
            "input",
            "cells",
            wiring.connection,
            None if feed is None else weight(feed, strength, 0.5 * strength),
            plasticity,
            gain=jnp.asarray(5.0 if feed is None else 1.0),
            delay=2,
        ),
        "loop": Projection("cells", "cells", Dense(), weight((cells, *drive), 0.0, 0.5 / cells), delay=3),
        "echo": Projection("cells", "cells", Dense(), weight((cells, *drive), 0.0, 0.5 / cells), plasticity, delay=1),
        "teach": Projection("teacher", "cells", Dense(), weight((2, *wiring.target), 0.5, 0.5), port="modulator"),
        "out": Projection("cells", "readout", Dense(), weight((cells, 2), 0.0, 1.0)),
    }
    return Network(populations, projections)


def make_inputs(network: Network, batch: int) -> dict[str, jax.Array]:
    """Random spikes, rate 0.4 a step."""
    rng = np.random.default_rng(11)
    shapes = {name: (STEPS, batch, *network.populations[name].shape) for name in ("input", "teacher")}
    return {name: jnp.asarray(rng.random(shape) < 0.4, jnp.float32) for name, shape in shapes.items()}


def check_spikes(made: Scene, *, graded: bool = False) -> None:
    """A silent network would pass every gradient test with zeros."""
    sent = np.asarray(run(*made)[0][0])
    rate = (sent != 0).mean()
    assert graded or set(np.unique(sent)) == {0.0, 1.0}
    assert graded or 0.03 < rate < 0.9, f"rate {rate:.3f} spikes a step"
    assert not graded or rate > 0.5


def one_example(made: Scene, index: int) -> Scene:
    """The same scene with a single example of the batch."""
    inputs = {name: current[:, index : index + 1] for name, current in made.inputs.items()}
    return Scene(made.network, inputs, made.network.init(1, key=jax.random.key(1)))


def window(inputs: dict[str, jax.Array], start: int, stop: int) -> dict[str, jax.Array]:
    return {name: current[start:stop] for name, current in inputs.items()}


def raw(leaf: Any) -> np.ndarray:
    """Numbers of a leaf; those of a random key are its data."""
    return np.asarray(jax.random.key_data(leaf) if jax.dtypes.issubdtype(leaf.dtype, jax.dtypes.prng_key) else leaf)


def tree_allclose(first: Any, second: Any, rtol: float = 1e-5, atol: float = 1e-6) -> None:
    """Fail at the first leaf that differs, by its path."""
    assert jax.tree.structure(first) == jax.tree.structure(second)
    one, two = jax.tree_util.tree_leaves_with_path(first), jax.tree.leaves(second)
    for (path, a), b in zip(one, two, strict=True):
        assert a.dtype == b.dtype, path_name(path)
        np.testing.assert_allclose(raw(a), raw(b), rtol=rtol, atol=atol, err_msg=path_name(path))


def conv_index(weight: tuple[int, ...], source: tuple[int, ...], stride: int, padding: str) -> np.ndarray:
    """Entry of the flat kernel between each source cell and each target, or -1: [*source, *target], by plain loops."""
    kernel = np.arange(np.prod(weight)).reshape(weight)
    (rows, columns, _), (high, wide, _, out) = source, weight
    if padding == "SAME":
        size = [-(-rows // stride), -(-columns // stride)]
        missing = [max((size[0] - 1) * stride + high - rows, 0), max((size[1] - 1) * stride + wide - columns, 0)]
    else:
        size, missing = [(rows - high) // stride + 1, (columns - wide) // stride + 1], [0, 0]
    index = np.full((*source, *size, out), -1)
    for y, x in np.ndindex(*size):
        for i, j in np.ndindex(high, wide):
            row, column = y * stride + i - missing[0] // 2, x * stride + j - missing[1] // 2
            if 0 <= row < rows and 0 <= column < columns:
                index[row, column, :, y, x, :] = kernel[i, j]
    return index


def unshare(weight: np.ndarray, index: np.ndarray) -> np.ndarray:
    """The dense matrix of a kernel."""
    return np.where(index < 0, 0, np.asarray(weight).reshape(-1)[index])


def share(matrix: np.ndarray, index: np.ndarray, weight: tuple[int, ...]) -> np.ndarray:
    """Sum of all entries of a dense matrix that one kernel entry stands for."""
    present = index >= 0
    return np.bincount(index[present], np.asarray(matrix)[present], int(np.prod(weight))).reshape(weight)
