"""Training steps of several plasticity channels side by side: python bench/channels.py FOLDER [--repeats 11].

A 784-512-10 network of LIF cells, a constant input over 8 steps, 100 examples: the surrogate gradient alone (S), with
a Hebbian channel in Gram form (S+H) and step by step (S+H plain), and with self-backpropagation besides (S+H+B). Each
step is the whole update: forward, backward, Adam, the trace for the next batch. All take turns in one process.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax

from metaplast import LIF, Dense, HebbianSynapse, Network, Population, Projection, Relay, carry_over, simulate
from metaplast.learning.selfbackprop import SelfBackpropagation
from metaplast.learning.stack import layers_of, put_weights
from metaplast.params import learnable
from metaplast.surrogate import Rectangular

SIZES, STEPS, BATCH, THRESHOLD, LEAK, CALLS = (784, 512, 10), 8, 100, 0.35, 0.4, 5
NAMES = "input", "hidden", "output"
BACK = "sbp0", "sbp1"
VARIANTS = {"S": "s", "S+H": "sh", "S+H plain": "sh", "S+H+B": "shb"}
LEARNED = {"s": ("*.slow?.weight", "*.bias"), "h": ("*.fast?.gain", "*.beta", "*.eta"), "b": ()}


def network(channels: str) -> Network:
    """The cells of Wu et al. (2022), with the channels that are asked for between each two layers."""
    rng = np.random.default_rng(0)
    cell = LIF(-1 / np.log(LEAK), THRESHOLD, 1 / (1 - LEAK), surrogate=Rectangular(1.0))
    populations = {"input": Population(Relay(), SIZES[0])}
    projections = {}
    for i, (ends, pre, post) in enumerate(zip(pairwise(NAMES), SIZES, SIZES[1:], strict=False)):
        populations[ends[1]] = Population(cell, post, bias=jnp.zeros(post))
        weight = rng.uniform(-1, 1, (pre, post)) / np.sqrt(pre)
        rule = HebbianSynapse(rng.uniform(0, 0.01, pre), rng.uniform(0, 0.01, post), THRESHOLD)
        parts = {
            "s": Projection(*ends, Dense(), weight),
            "h": Projection(*ends, Dense(), jnp.zeros((pre, post)), rule, gain=0.01),
            "b": Projection(*ends, Dense(), 0.1 * weight, gain=0.1),
        }
        prefix = {"s": "slow", "h": "fast", "b": "sbp"}
        projections |= {f"{prefix[channel]}{i}": parts[channel] for channel in channels}
    return Network(populations, projections)


def training(name: str) -> Callable[[jax.Array, jax.Array], float]:
    """A function of images and classes that makes one update and returns its seconds."""
    channels, plain = VARIANTS[name], name.endswith("plain")
    net = network(channels)
    mask = learnable(net, *(pattern for channel in channels for pattern in LEARNED[channel]))
    adam, rule = optax.adam(1e-3), SelfBackpropagation()
    read = lambda state: state.populations["output"].neuron.voltage  # noqa: E731

    @eqx.filter_jit(donate="all")
    def update(net, optimiser, state, x, y):
        learned, constant = eqx.partition(net, mask)

        def loss(learned):
            whole = eqx.combine(learned, constant)
            current = jnp.broadcast_to(x, (STEPS, *x.shape)) if plain else x[None]
            options = {"deferred": False, "foresight": False} if plain else {}
            voltage, end = simulate(whole, {"input": current}, state, record=read, steps=STEPS, **options)
            output = jnp.minimum(voltage[-1] / THRESHOLD, 1.1)
            return jnp.mean(jnp.square(output - jax.nn.one_hot(y, SIZES[-1]))), end

        gradient, end = jax.grad(loss, has_aux=True)(learned)
        change, optimiser = adam.update(gradient, optimiser)
        after = eqx.combine(optax.apply_updates(learned, change), constant)
        if "b" in channels:
            after = put_weights(after, BACK, rule.step(layers_of(net, BACK), x, y)[0])
        return after, optimiser, carry_over(net, end, BATCH, key=jax.random.key(0))

    start = [net, adam.init(eqx.partition(net, mask)[0]), net.init(BATCH, key=jax.random.key(0))]
    # Each leaf a buffer of its own, since every update gives all of them away.
    held = jax.tree.map(lambda leaf: jnp.array(leaf) if eqx.is_array(leaf) else leaf, start)

    def timed(x, y):
        began = time.perf_counter()
        held[:] = jax.block_until_ready(update(*held, x + 0, y + 0))
        return time.perf_counter() - began

    return timed


def measure(repeats: int) -> dict:
    """Seconds a step: the median of every turn, and ratios to the slow channel alone."""
    key = jax.random.key(1)
    x = jax.random.uniform(key, (BATCH, SIZES[0])) * (jax.random.uniform(key, (BATCH, SIZES[0])) < 0.2)
    y = jax.random.randint(key, (BATCH,), 0, SIZES[-1])
    steps = {name: training(name) for name in VARIANTS}
    turns: dict[str, list[float]] = {name: [] for name in VARIANTS}
    for step in steps.values():
        step(x, y)
    for _ in range(repeats):
        for name, step in steps.items():
            turns[name].append(statistics.median([step(x, y) for _ in range(1 + CALLS)][1:]))
    over = lambda a, b: statistics.median(x / y for x, y in zip(turns[a], turns[b], strict=True))  # noqa: E731
    return {
        "sizes": SIZES,
        "steps": STEPS,
        "batch": BATCH,
        "median_s": {name: statistics.median(found) for name, found in turns.items()},
        "turns_s": turns,
        "S+H over S": over("S+H", "S"),
        "S+H plain over S+H": over("S+H plain", "S+H"),
        "S+H+B over S": over("S+H+B", "S"),
    }


def main() -> None:
    """Measure, and leave one JSON file in the folder."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--repeats", type=int, default=11)
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    record = measure(arguments.repeats)
    (arguments.folder / "channels.json").write_text(json.dumps(record, indent=1))
    for name, seconds in record["median_s"].items():
        print(f"{name:10} {1e3 * seconds:7.2f} ms")
    for name in ("S+H over S", "S+H plain over S+H", "S+H+B over S"):
        print(f"{name:20} {record[name]:5.2f}")


if __name__ == "__main__":
    main()
