"""metaplast's side of the convolutional benchmark: python bench/convolution_ours.py NET INPUTS.npz OUT_DIR."""

import argparse
import json
import statistics
from importlib.metadata import version
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from convolution_cases import KEEP, NETS, THRESHOLD, Net
from ours import measure, timed
from turns import serve

from metaplast.connections import Conv
from metaplast.devices import batch_value_and_grad, place, prepare
from metaplast.models import Stage, convolutional
from metaplast.models.layered import Cells
from metaplast.network import Network, Population, Projection
from metaplast.neurons import Relay
from metaplast.simulate import simulate
from metaplast.surrogate import Rectangular

CELLS = Cells(THRESHOLD, KEEP, Rectangular(1.0))


def build(net: Net, arrays: dict) -> tuple[Network, list[str], str]:
    """The network, its projections in the order of the layers, and the population whose spikes count."""
    if net.dense:
        stages = [Stage(width, pool=net.pool) for width in net.stages]
        made = convolutional(
            jax.random.key(0), net.shape, stages, net.dense[:-1], net.dense[-1], cells=CELLS, normalised=False
        )
        layers = [f"hidden{place + 1}" for place in range(len(net.weights()) - 1)] + ["output"]
        return made, [f"{layer}-stbp" for layer in layers], "output"
    cells = Population(CELLS.neuron(1.0), (*net.shape[:2], net.stages[0]))
    populations = {"input": Population(Relay(), net.shape), "cells": cells}
    return Network(populations, {"in": Projection("input", "cells", Conv(), arrays["w0"])}, 1.0), ["in"], "cells"


def objective(made: Network, names: list[str], counted: str):
    """Weighted sum of the spikes of the last layer, as a function of the weights alone."""

    def total(weights, x, wish):
        where = lambda n: [n.projections[name].weight for name in names]  # noqa: E731
        network = eqx.tree_at(where, made, weights)
        state = network.init(x.shape[1], key=jax.random.key(0))
        spikes, _ = simulate(network, {"input": x}, state, record=lambda s: s.populations[counted].activity)
        return jnp.sum(spikes * wish), spikes

    return total


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("net", choices=list(NETS))
    parser.add_argument("inputs", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--repeats", type=int, default=11)
    parser.add_argument("--devices", type=int, default=0, help="CPU devices that share the batch; 0 means one a core")
    parser.add_argument("--turns", action="store_true", help="time a call whenever a line comes in, see turns.py")
    options = parser.parse_args()
    if options.devices != 1:
        prepare(options.devices)
    arrays = dict(np.load(options.inputs))
    made, names, counted = build(NETS[options.net], arrays)
    step = jax.jit(batch_value_and_grad(objective(made, names, counted), has_aux=True))
    weights = place([jnp.asarray(arrays[f"w{index}"]) for index in range(len(names))])
    x, wish = place([jnp.asarray(arrays[name]) for name in ("x", "wish")], batch=True)
    if options.turns:
        return serve(lambda: timed(lambda: step(weights, x, wish)))
    first, seconds = measure(lambda: step(weights, x, wish), options.repeats)
    (_, spikes), gradient = step(weights, x, wish)
    found = {f"grad_w{index}": np.asarray(value) for index, value in enumerate(gradient)}
    options.out.mkdir(parents=True, exist_ok=True)
    np.savez(options.out / "ours.npz", spikes=np.asarray(spikes).astype(np.uint8), **found)
    record = {"first_call_s": first, "seconds": seconds, "median_s": statistics.median(seconds)}
    record |= {"peer": "metaplast", "version": version("metaplast"), "jax": jax.__version__}
    (options.out / "ours.json").write_text(json.dumps(record))


if __name__ == "__main__":
    main()
