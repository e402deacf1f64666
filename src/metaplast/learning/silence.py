"""Silent channels: while they learn, some of the parallel channels of a layer are missing now and then."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, PRNGKeyArray

from metaplast.models.layered import projection_name, wiring_of
from metaplast.network import Network


def silenced(network: Network, share: float, key: PRNGKeyArray) -> Network:
    """The network with each channel of each layer silent with probability `share`, never all of one layer.

    Of the K channels of a layer that no rule changes as it runs, channel k is heard if m_k = 1. Those that are heard
    bring what all would have brought: c_k <- c_k m_k K / sum_j m_j, so a layer with one such channel is as it was, and
    so is every layer once learning is over. What a rule changes is always heard.

    Reference: dropout (Srivastava et al. 2014), of whole channels instead of cells. Assumed: no source has it here.
    """
    gains = {}
    for place, layer in enumerate(wiring_of(network)):
        names = [projection_name(layer.layer, channel) for channel in layer.channels]
        names = [name for name in names if not network.projections[name].plastic]
        if len(names) < 2:
            continue
        heard = heard_channels(len(names), share, jax.random.fold_in(key, place))
        for name, factor in zip(names, heard * len(names) / jnp.sum(heard), strict=True):
            gain = network.projections[name].gain
            gains[name] = factor if gain is None else gain * factor
    return eqx.tree_at(
        lambda net: [net.projections[name].gain for name in gains],
        network,
        list(gains.values()),
        is_leaf=lambda leaf: leaf is None,
    )


def heard_channels(channels: int, share: float, key: PRNGKeyArray) -> Bool[Array, " channels"]:
    """Which of the channels of a layer are heard: each with probability 1 - share, all where it would be none."""
    heard = jax.random.uniform(key, (channels,)) >= share
    return heard | ~jnp.any(heard)
