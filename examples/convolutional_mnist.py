"""A convolutional spiking network learns MNIST by the surrogate gradient (STBP), and is tested after each epoch.

python examples/convolutional_mnist.py FOLDER, which holds the four files `train-images-idx3-ubyte.gz` and so on.
Training images are moved by a pixel or two; those for the test are as they are, and the network is folded for it.
"""

import argparse
import gzip
import time
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax

from metaplast.models import Stage, convolutional, folded, moments
from metaplast.network import voltage
from metaplast.params import learnable
from metaplast.simulate import simulate

THRESHOLD, CEILING, TURN = 0.35, 1.1, 25
LEARNED = "*.weight", "*.bias", "*.scale", "*.shift"


def read(folder, part):
    """Images [n, 28, 28] of one byte a pixel, and labels."""
    images, labels = (
        gzip.decompress((folder / f"{part}-{kind}-ubyte.gz").read_bytes()) for kind in ("images-idx3", "labels-idx1")
    )
    return np.frombuffer(images, np.uint8, offset=16).reshape(-1, 28, 28), np.frombuffer(labels, np.uint8, offset=8)


def still(images, steps):
    """The same image at every step: [time, batch, 28, 28, 1]."""
    values = images[..., None].astype(jnp.float32) / 255
    return jnp.broadcast_to(values, (steps, *values.shape))


def moved(images, key, most):
    """Each image by at most so many pixels in either direction."""
    wide = jnp.pad(images, ((0, 0), (most, most), (most, most)))
    by = jax.random.randint(key, (images.shape[0], 2), 0, 2 * most + 1)
    return jax.vmap(lambda image, place: jax.lax.dynamic_slice(image, (place[0], place[1]), (28, 28)))(wide, by)


def scores(network, inputs):
    """Membranes of the output cells after the last step, in units of the threshold (Wu et al. 2022)."""
    state = network.init(inputs.shape[1], key=jax.random.key(0))
    found, _ = simulate(network, {"input": inputs}, state, record=lambda s: voltage(s.populations["output"]))
    return found[-1] / THRESHOLD


def squared(found, wanted):
    """Of scores held below a ceiling (Wu et al. 2022)."""
    return jnp.mean(jnp.square(jnp.minimum(found, CEILING) - jax.nn.one_hot(wanted, 10)))


def crossed(found, wanted):
    """Cross-entropy of scores, as they are."""
    return optax.softmax_cross_entropy_with_integer_labels(found, wanted).mean()


LOSSES = {"squared": squared, "crossed": crossed}


def arguments():
    """What the command line says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--steps", type=int, default=4)
    parser.add_argument("--batch", type=int, default=100)
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--shift", type=int, default=2, help="pixels")
    parser.add_argument("--loss", choices=LOSSES, default="squared")
    return parser.parse_args()


def learner(given, fixed, optimiser):
    """(free parameters, memory of the optimiser), batches of images and labels -> the same after them, and losses."""

    def loss(free, inputs, wanted):
        return LOSSES[given.loss](scores(eqx.combine(free, fixed), inputs), wanted)

    @jax.jit
    def learn(carried, images, labels, keys):
        def body(carried, turn):
            (free, memory), (images, labels, key) = carried, turn
            value, change = jax.value_and_grad(loss)(free, still(moved(images, key, given.shift), given.steps), labels)
            change, memory = optimiser.update(change, memory)
            return (eqx.apply_updates(free, change), memory), value

        return jax.lax.scan(body, carried, (images, labels, keys))

    return learn


@eqx.filter_jit
def settled(network, images, steps):
    """The network without normalisation: with the moments of these batches in its weights."""
    found = jax.lax.map(lambda part: moments(network, {"input": still(part, steps)}, key=jax.random.key(0)), images)
    return folded(network, jax.tree.map(lambda leaf: leaf.mean(axis=0), found))


@eqx.filter_jit
def right(network, images, labels, steps):
    """Share of the images that are told right."""
    return jax.lax.map(
        lambda part: jnp.argmax(scores(network, still(part[0], steps)), axis=-1) == part[1], (images, labels)
    ).mean()


def epoch_of(given, learn, carried, images, labels, epoch):
    """All images once in random order; some of them come back, moved, to settle the network with."""
    random, losses = np.random.default_rng((given.seed, epoch)), []
    order = random.permutation(len(labels))[: len(labels) // given.batch * given.batch].reshape(-1, given.batch)
    for start in range(0, len(order), TURN):
        chosen = order[start : start + TURN]
        key = jax.random.fold_in(jax.random.key(given.seed), epoch * len(order) + start)
        carried, value = learn(carried, images[chosen], labels[chosen], jax.random.split(key, len(chosen)))
        losses.append(np.asarray(value))
    seen = moved(jnp.asarray(images[order[:20].ravel()]), jax.random.key(epoch), given.shift)
    return carried, float(np.concatenate(losses).mean()), seen.reshape(20, given.batch, 28, 28)


def main():
    given = arguments()
    images, labels = read(given.folder, "train")
    asked, answers = read(given.folder, "t10k")
    network = convolutional(jax.random.key(given.seed), (28, 28, 1), [Stage(32, pool=2), Stage(32, pool=2)])
    free, fixed = eqx.partition(network, learnable(network, *LEARNED))
    optimiser = optax.adam(optax.cosine_decay_schedule(given.rate, given.epochs * (len(labels) // given.batch)))
    learn, carried = learner(given, fixed, optimiser), (free, optimiser.init(free))
    for epoch in range(given.epochs):
        began = time.perf_counter()
        carried, loss, seen = epoch_of(given, learn, carried, images, labels, epoch)
        seconds = time.perf_counter() - began
        plain = settled(eqx.combine(carried[0], fixed), seen, given.steps)
        share = right(plain, asked.reshape(-1, 200, 28, 28), answers.reshape(-1, 200), given.steps)
        print(f"epoch {epoch + 1}: loss {loss:.4f}, test {share:.2%}, {seconds:.0f} s", flush=True)


if __name__ == "__main__":
    main()
