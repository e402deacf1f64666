"""What each channel of a network that has learned contributes: the arrays behind the picture of it."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from metaplast.connections import Conv
from metaplast.experiments.classification.experiment import Grid, Group
from metaplast.learning.classification import Learned, judged
from metaplast.learning.classifier import frozen, traced
from metaplast.models.folding import folded
from metaplast.models.layered import OUTPUT, projection_name
from metaplast.network import Network
from metaplast.stepping import flat

EXAMPLES, CELLS = 4, 8
"""How many test examples and cells of the first hidden layer are shown."""


def contributions(grid: Grid, group: Group, learned: Learned, seed: int) -> dict[str, np.ndarray]:
    """Arrays of one network after its last epoch.

    `channels`, `layers`: names; `silenced` [channels]: test accuracy with the gain of a channel at zero in all layers,
    and `intact`; `fields` [channels, cells, *source]: gain x weight into some cells of the first layer; `examples`,
    `labels`, and `votes` [channels, examples, classes]: current over the steps into the output cells.
    """
    epoch = jnp.asarray(grid.config.total_epochs - 1, float)
    names = list(dict.fromkeys(channel for layer in group.wiring for channel in layer.channels))
    test, key = grid.data.test, jax.random.fold_in(group.keys[group.seeds.index(seed)], grid.config.total_epochs)
    first, last = group.wiring[0], group.wiring[-1]

    @eqx.filter_jit
    def measured(learned: Learned, images: Array, labels: Array) -> dict[str, Array]:
        plain = frozen(learned.model.wired(epoch), learned.memory)
        network = folded(plain, learned.model.moments)
        data = test._replace(images=images, labels=labels)
        batch = grid.config.training.batch

        def accuracy(kept: Float[Array, " channels"]) -> Array:
            # Before it is folded: what normalisation adds to a current is silenced with it.
            lesioned = folded(with_gains(plain, group, dict(zip(names, kept, strict=True))), learned.model.moments)
            return judged(learned.model, lesioned, group.learner.loss, data, grid.data.encode_test, key, batch).accuracy

        masks = jnp.concatenate([jnp.ones((1, len(names))), 1 - jnp.eye(len(names))])
        found = jax.lax.map(accuracy, masks)
        inputs = grid.data.encode_test(images[:EXAMPLES], key)
        return {
            "intact": found[0],
            "silenced": found[1:],
            "votes": jnp.stack([_votes(network, name, inputs, learned.model.steps) for name in last.channels]),
            "fields": jnp.stack([_fields(network, first.layer, name) for name in first.channels]),
            "input": jnp.mean(inputs, axis=0),
        }

    arrays = {name: np.asarray(value) for name, value in measured(learned, test.images, test.labels).items()}
    words = {
        "channels": names,
        "first_channels": list(first.channels),
        "last_channels": list(last.channels),
        "layers": [layer.layer for layer in group.wiring],
    }
    labels = np.asarray(test.labels[:EXAMPLES])
    return arrays | {name: np.array(value, dtype=np.str_) for name, value in words.items()} | {"labels": labels}


def with_gains(network: Network, group: Group, factors: dict[str, Array]) -> Network:
    """The network with the gain of every channel multiplied by a factor, in all layers."""
    places = [(projection_name(layer.layer, name), name) for layer in group.wiring for name in layer.channels]
    return eqx.tree_at(
        lambda net: [net.projections[projection].gain for projection, _ in places],
        network,
        [network.projections[projection].amplified(factors[name]) for projection, name in places],
    )


def _votes(network: Network, channel: str, inputs: Array, steps: int) -> Float[Array, "examples classes"]:
    """Current of one channel into the output cells, mean over the steps."""
    projection = network.projections[projection_name(OUTPUT, channel)]
    sent = traced(network, inputs, steps).sent[projection.source]
    current = projection.transmit(projection.weight, flat(sent))
    return jnp.mean(current.reshape(*sent.shape[:2], -1), axis=0)


def _fields(network: Network, layer: str, channel: str) -> Float[Array, "cells *field"]:
    """Gain x weight into the first cells of a layer: in the shape of the input, or the kernels of a convolution."""
    projection = network.projections[projection_name(layer, channel)]
    gain, weight = jnp.ones(()) if projection.gain is None else projection.gain, projection.weight
    assert weight is not None
    if isinstance(projection.connection, Conv):
        by_map = gain.mean(axis=(0, 1)) if gain.ndim == 3 else gain  # a cell of a map may have a gain of its own
        return jnp.moveaxis((weight * by_map)[..., :CELLS], -1, 0)
    shape = network.populations[projection.source].shape
    wide = (weight * gain).reshape(-1, weight.shape[-1])[:, :CELLS]
    return jnp.moveaxis(wide, 0, 1).reshape(-1, *shape)
