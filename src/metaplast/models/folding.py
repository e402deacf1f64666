"""Normalised currents as weights and biases: what a network is after it has learned."""

from collections.abc import Mapping

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from metaplast.connections import Moments, Normalised
from metaplast.connections.normalised import EPSILON, moments_of
from metaplast.network import Network, NetworkState
from metaplast.simulate import simulate


def moments(
    network: Network,
    inputs: Mapping[str, Float[Array, "time batch *source"]],
    *,
    key: PRNGKeyArray,
    steps: int | None = None,
) -> dict[str, Moments]:
    """Mean and variance of the currents of every normalised projection on a batch, by its name.

    An input of one step is held over `steps`, as by `simulate`. A delay is not counted: the moments are those of what
    the source sends.
    """
    found = normalised(network)
    sources = {network.projections[name].source for name in found}
    batch = next(iter(inputs.values())).shape[1]

    def record(state: NetworkState) -> dict[str, Array]:
        return {
            name: network.projections[name].read(state.populations[network.projections[name].source]) for name in found
        }

    if not sources:
        return {}
    sent, _ = simulate(network, inputs, network.init(batch, key=key), record=record, steps=steps)
    return {
        name: moments_of(connection.inner.apply(network.projections[name].weight, _flat(sent[name])))
        for name, connection in found.items()
    }


def normalised(network: Network) -> dict[str, Normalised]:
    """Connections that normalise, by the name of their projection."""
    return {name: p.connection for name, p in network.projections.items() if isinstance(p.connection, Normalised)}


def folded(network: Network, settled: Mapping[str, Moments]) -> Network:
    """The network with moments that no longer depend on the batch: their effect is in weights and biases.

    w_k <- w_k scale_k / sqrt(variance_k + 1e-5);   bias_k <- bias_k + gain (shift_k - mean_k scale_k / sqrt(...))

    The result has no `Normalised` connection and is linear in its weights, so every mechanism and analysis may follow.

    Raises:
        ValueError: `settled` does not name exactly the normalised projections.
    """
    found = normalised(network)
    if set(settled) != set(found):
        raise ValueError(f"moments of {sorted(settled)} given, normalised are {sorted(found)}; take `moments(...)`")
    for name, connection in found.items():
        projection = network.projections[name]
        factor = connection.scale * jax.lax.rsqrt(settled[name].variance + EPSILON)
        offset = connection.shift - settled[name].mean * factor
        assert projection.weight is not None
        before = network.populations[projection.target].bias
        bias = projection.amplified(offset) if before is None else before + projection.amplified(offset)
        network = eqx.tree_at(
            lambda net, name=name, end=projection.target: (
                net.projections[name].weight,
                net.projections[name].connection,
                net.populations[end].bias,
            ),
            network,
            (projection.weight * factor, connection.inner, jnp.asarray(bias)),
            is_leaf=lambda leaf: leaf is None,
        )
    return network


def _flat(signals: Array) -> Array:
    return signals.reshape(-1, *signals.shape[2:])
