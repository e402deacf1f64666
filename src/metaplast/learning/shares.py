"""What each mechanism contributes: to the current of a layer, and to how its weights change."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from metaplast.learning.classifier import traced
from metaplast.models.layered import Wiring, projection_name
from metaplast.network import Network
from metaplast.stepping import flat

Shares = dict[str, dict[str, Array]]
"""By layer and channel; they add up to 1 in each layer, or are all 0 where nothing flows or changes."""


def current_shares(
    network: Network, wiring: tuple[Wiring, ...], inputs: Float[Array, "time batch *source"], steps: int
) -> Shares:
    """Share of each channel in the sum over channels of the mean |current|; of a network without plasticity."""
    sent, found = traced(network, inputs, steps).sent, {}
    for layer in wiring:
        projections = {name: network.projections[projection_name(layer.layer, name)] for name in layer.channels}
        sizes = {
            name: jnp.mean(jnp.abs(projection.transmit(projection.weight, flat(sent[projection.source]))))
            for name, projection in projections.items()
        }
        found[layer.layer] = _shares(sizes)
    return found


def change_shares(before: Network, after: Network, wiring: tuple[Wiring, ...]) -> Shares:
    """Share of each channel in the sum over channels of |gain x (weight after - weight before)|.

    Both without plasticity (`frozen`), so that what a rule keeps in its state counts as weight.
    """
    found = {}
    for layer in wiring:
        sizes = {}
        for channel in layer.channels:
            name = projection_name(layer.layer, channel)
            old, new = before.projections[name], after.projections[name]
            assert new.weight is not None
            assert old.weight is not None
            sizes[channel] = jnp.sum(jnp.abs(new.amplified(new.weight - old.weight)))
        found[layer.layer] = _shares(sizes)
    return found


def _shares(sizes: dict[str, Array]) -> dict[str, Array]:
    total = sum(sizes.values(), jnp.zeros(()))
    return {name: size / jnp.where(total > 0, total, 1.0) for name, size in sizes.items()}
