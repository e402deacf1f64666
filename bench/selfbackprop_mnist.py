"""Self-backpropagation alone on MNIST: python bench/selfbackprop_mnist.py FOLDER [--epochs 12].

FOLDER holds the four idx files of MNIST, gzipped. A 784-500-10 stack, batches of 50; test accuracy after every epoch.
The constants of the paper are `--rates 0.1 0.05 --gains 1 1`.
"""

import argparse
import gzip
from pathlib import Path

import equinox as eqx
import jax
import numpy as np

from metaplast.learning.selfbackprop import SelfBackpropagation, initial_layers

SIZES, BATCH = (784, 500, 10), 50


def read(folder: Path, part: str) -> tuple[np.ndarray, np.ndarray]:
    """Images [n, 784] in [0, 1], classes [n]."""
    images, classes = (
        np.frombuffer(gzip.decompress((folder / f"{part}-{kind}-ubyte.gz").read_bytes()), np.uint8, offset=offset)
        for kind, offset in (("images-idx3", 16), ("labels-idx1", 8))
    )
    return images.reshape(-1, 784) / np.float32(255), classes.astype(np.int32)


@eqx.filter_jit
def epoch(rule, layers, x, y):
    """Layers after one pass over batches [batches, batch, ...], and mean metrics."""
    layers, metrics = jax.lax.scan(lambda layers, batch: rule.step(layers, *batch), layers, (x, y))
    return layers, jax.tree.map(lambda values: values.mean(), metrics)


@eqx.filter_jit
def accuracy(rule, layers, x, y):
    """Share of right answers of the free phase."""
    return (rule.respond(layers, x).argmax(axis=-1) == y).mean()


def main() -> None:
    """Learn, and print a line an epoch."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--rates", type=float, nargs=2, default=(4.0, 0.01))
    parser.add_argument("--gains", type=float, nargs=2, default=(4.0, 0.3))
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    (x, y), test = read(arguments.folder, "train"), read(arguments.folder, "t10k")
    rule, rng = SelfBackpropagation(rates=arguments.rates), np.random.default_rng(arguments.seed)
    layers = initial_layers(SIZES, arguments.gains, key=jax.random.key(arguments.seed))
    for number in range(1, arguments.epochs + 1):
        order = rng.permutation(len(x))
        layers, seen = epoch(rule, layers, x[order].reshape(-1, BATCH, 784), y[order].reshape(-1, BATCH))
        found = accuracy(rule, layers, *test)
        print(f"epoch {number}: train {seen.accuracy:.4f}, test {found:.4f}, loss {seen.loss:.4f}", flush=True)


if __name__ == "__main__":
    main()
