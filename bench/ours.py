"""metaplast's side of the benchmark, in the dynamics of each peer; takes and writes what the scripts in peers/ do.

python bench/ours.py WORKLOAD INPUTS.npz OUT_DIR [--like PEER] [--repeats 15]
"""

import argparse
import json
import os
import resource
import statistics
import time
from importlib.metadata import version
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from turns import serve

from metaplast import (
    LIF,
    STDP,
    Connection,
    Dense,
    EventDense,
    Network,
    Population,
    Projection,
    Relay,
    hard_reset,
    simulate,
)
from metaplast.devices import batch_value_and_grad, place, prepare
from metaplast.surrogate import Arctan, FastSigmoid

BETA = 0.5
CONNECTIONS = {"dense": Dense(), "event-driven": EventDense()}


def undecayed_soft(voltage, spikes, threshold):
    """Subtract the threshold itself at the next step: the LIF decays its reset, so it is divided by the decay."""
    return spikes * threshold / BETA


def undecayed_soft_detached(voltage, spikes, threshold):
    return jax.lax.stop_gradient(spikes) * threshold / BETA


def hard_reset_detached(voltage, spikes, threshold):
    return jax.lax.stop_gradient(spikes) * voltage


RESETS = {
    ("snntorch", "linear_lif"): undecayed_soft_detached,
    ("snntorch", "recurrent_lif"): undecayed_soft_detached,
    ("spyx", "linear_lif"): undecayed_soft,
    ("spyx", "recurrent_lif"): undecayed_soft,
    ("norse", "recurrent_lif"): hard_reset_detached,
}


def build(workload: str, like: str, arrays: dict, connection: Connection) -> Network:
    """The network of a workload in the dynamics of a peer."""
    surrogate = FastSigmoid(1.0) if like == "norse" else Arctan(2.0)
    reset = RESETS.get((like, workload), hard_reset)
    lif = LIF(tau=-1 / np.log(BETA), resistance=1 / (1 - BETA), reset=reset, surrogate=surrogate)
    inputs, cells = arrays["w_in"].shape
    projections = {"in": Projection("x", "cells", connection, arrays["w_in"])}
    if workload == "recurrent_lif":
        projections["rec"] = Projection("cells", "cells", connection, arrays["w_rec"], delay=1)
    return Network({"x": Population(Relay(), inputs), "cells": Population(lif, cells)}, projections, dt=1.0)


def total_spikes(network: Network, x):
    """Sum of all spikes, and the spikes."""
    state = network.init(x.shape[1], key=jax.random.key(0))
    spikes, _ = simulate(network, {"x": x}, state, record=lambda s: s.populations["cells"].activity)
    return spikes.sum(), spikes


def all_but_the_last(network: Network, x):
    """Spyx gives its spikes a step late and never the last one: what its loss counts, to compare gradients."""
    _, spikes = total_spikes(network, x)
    return spikes[:-1].sum(), spikes


def gradients(arguments: argparse.Namespace, arrays: dict) -> tuple[dict, dict]:
    network = build(arguments.workload, arguments.like, arrays, CONNECTIONS[arguments.connection])
    run = jax.jit(batch_value_and_grad(over_weights(network, total_spikes), has_aux=True))
    counted = all_but_the_last if arguments.like == "spyx" else total_spikes
    compared = jax.jit(batch_value_and_grad(over_weights(network, counted), has_aux=True))
    weights = place({name: projection.weight for name, projection in network.projections.items()})
    x = place(jnp.asarray(arrays["x"]), batch=True)
    if arguments.turns:
        serve(lambda: timed(lambda: run(weights, x)))
        return {}, {}
    first, seconds = measure(lambda: run(weights, x), arguments.repeats)
    (_, spikes), gradient = compared(weights, x)
    results = {"spikes": np.asarray(spikes).astype(np.uint8), "grad_w_in": np.asarray(gradient["in"])}
    if "rec" in gradient:
        results["grad_w_rec"] = np.asarray(gradient["rec"])
    steps, batch, size = arrays["x"].shape
    return results, {"n": size, "b": batch, "t": steps, "first_call_s": first, "seconds": seconds}


def over_weights(network: Network, loss):
    """A loss as a function of the weights alone, which is what the peers differentiate."""
    names = list(network.projections)

    def total(weights, x):
        changed = eqx.tree_at(
            lambda n: [n.projections[name].weight for name in names], network, [weights[name] for name in names]
        )
        return loss(changed, x)

    return total


def plasticity(arguments: argparse.Namespace, arrays: dict) -> tuple[dict, dict]:
    """Pair STDP between 1000 relays and 1000 LIF cells; the cost of a step."""
    pre = jnp.asarray(arrays["pre"])
    lif = LIF(tau=-1 / np.log(BETA), resistance=1 / (1 - BETA), reset=hard_reset)
    projection = Projection(
        "pre", "post", CONNECTIONS[arguments.connection], arrays["w"], plasticity=STDP(a_plus=1e-3, a_minus=1e-3)
    )
    size = arrays["w"].shape[0]
    network = Network({"pre": Population(Relay(), size), "post": Population(lif, size)}, {"plastic": projection})
    state = network.init(pre.shape[1], key=jax.random.key(0))

    @jax.jit
    def run(pre, state):
        return simulate(network, {"pre": pre}, state, record=lambda s: s.populations["post"].activity)

    if arguments.turns:
        serve(lambda: timed(lambda: run(pre, state)))
        return {}, {}
    first, seconds = measure(lambda: run(pre, state), arguments.repeats)
    memory = run.lower(pre, state).compile().memory_analysis()
    spikes, after = run(pre, state)
    results = {"spikes": np.asarray(spikes).astype(np.uint8)}
    results["delta_w"] = np.asarray(after.projections["plastic"].plasticity.change)
    facts = {"n": size, "b": pre.shape[1], "t": pre.shape[0], "first_call_s": first, "seconds": seconds}
    facts["temporary_mb"] = memory.temp_size_in_bytes / 2**20
    return results, facts | {"ms_per_step": statistics.median(seconds) / pre.shape[0] * 1e3}


def timed(run) -> float:
    """Seconds of one call."""
    began = time.perf_counter()
    jax.block_until_ready(run())
    return time.perf_counter() - began


def measure(run, repeats: int) -> tuple[float, list[float]]:
    """Seconds of the first call, and of `repeats` calls after two warm-ups."""
    first = timed(run)
    return first, [timed(run) for _ in range(repeats + 2)][2:]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("workload", choices=["linear_lif", "recurrent_lif", "stdp"])
    parser.add_argument("inputs", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--like", default="spikingjelly", choices=["snntorch", "spikingjelly", "norse", "spyx"])
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--devices", type=int, default=0, help="CPU devices that share the batch; 0 means one a core")
    parser.add_argument(
        "--connection",
        default="dense",
        choices=list(CONNECTIONS),
    )
    parser.add_argument("--turns", action="store_true", help="time a call whenever a line comes in, see turns.py")
    arguments = parser.parse_args()
    prepare(1 if arguments.workload == "stdp" else arguments.devices)
    arrays = dict(np.load(arguments.inputs, allow_pickle=False))
    results, facts = (plasticity if arguments.workload == "stdp" else gradients)(arguments, arrays)
    if arguments.turns:
        return
    size = facts["b"] if arguments.workload == "stdp" else facts["n"]
    stem = arguments.out / f"metaplast-{arguments.like}_{arguments.workload}_{size}"
    arguments.out.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(f"{stem}.npz", **results)
    facts |= {
        "peer": "metaplast",
        "like": arguments.like,
        "workload": arguments.workload,
        "version": version("metaplast"),
        "jax": jax.__version__,
        "devices": len(jax.devices()),
        "median_s": statistics.median(facts["seconds"]),
        "peak_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "load_average": os.getloadavg()[0],
    }
    Path(f"{stem}.json").write_text(json.dumps(facts, indent=2))
    print(f"metaplast like {arguments.like}, {arguments.workload} {size}: median {facts['median_s']:.4f} s")


if __name__ == "__main__":
    main()
