"""A stack of layers over the projections of one channel: read from a network, and put back into it."""

from collections.abc import Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from metaplast.connections import Connection, Dense, Normalised
from metaplast.network import Network, Projection


class Layer(eqx.Module):
    """Synapses onto one layer of cells, and the constant current of these."""

    weight: Float[Array, "..."]
    bias: Float[Array, "..."]
    connection: Connection = eqx.field(default_factory=Dense)


class Behind(Connection):
    """A connection behind others that have no weight, such as pools: apply(w, x) = connection.apply(w, way(x))."""

    way: tuple[Connection, ...]
    connection: Connection

    def apply(self, weight: Array | None, activity: Float[Array, "batch *source"]) -> Float[Array, "batch *target"]:
        return self.connection.apply(weight, self._arriving(activity))

    def existing(self, weight: Array) -> Array:
        return self.connection.existing(weight)

    def contract(self, weight: Array, pre: Array, post: Array) -> Array:
        return self.connection.contract(weight, self._arriving(pre), post)

    def spread(self, weight: Array, post: Array) -> Array:
        return self.connection.spread(weight, post)

    def _arriving(self, activity: Array) -> Array:
        for connection in self.way:
            activity = connection.apply(None, activity)
        return activity


def without_normalisation(network: Network, names: Sequence[str]) -> Network:
    """The network with the connections that some projections normalise, where they do, in the place of these."""
    names = [name for name in names if isinstance(network.projections[name].connection, Normalised)]
    inner = [network.projections[name].connection.inner for name in names]  # pyright: ignore
    return eqx.tree_at(lambda net: [net.projections[name].connection for name in names], network, inner)


def layers_of(network: Network, names: Sequence[str]) -> tuple[Layer, ...]:
    """The layers that a chain of projections forms, input first; a population without a bias has one of zero.

    What lies between two of them without a weight of its own, such as a pool, belongs to the second.

    Raises:
        ValueError: a projection without a weight, one whose current is normalised, or one that does not begin where the
            one before ends.
    """
    found: list[Layer] = []
    for name, before in zip(names, [None, *names], strict=False):
        projection = network.projections[name]
        if projection.weight is None:
            raise ValueError(f"projections.{name} has no weight that self-backpropagation could change")
        if isinstance(projection.connection, Normalised):
            raise ValueError(
                f"projections.{name} is normalised, and self-backpropagation needs a linear connection; build the "
                "network with normalised=False"
            )
        way = () if before is None else _way(network, network.projections[before].target, projection.source)
        if way is None:
            raise ValueError(f"projections.{name} begins at {projection.source!r}, not where {before!r} ends")
        population = network.populations[projection.target]
        bias = jnp.zeros(population.shape[-1:]) if population.bias is None else population.bias
        connection = projection.connection
        if way:
            connection = Behind(tuple(step.connection for step in way), connection)
        found.append(Layer(projection.weight, bias, connection))
    return tuple(found)


def _way(network: Network, start: str, end: str) -> tuple[Projection, ...] | None:
    """Projections without weights that lead from one population to another; None where others join or there is none."""
    way: tuple[Projection, ...] = ()
    while end != start:
        arriving = [one for one in network.projections.values() if one.target == end]
        if len(arriving) != 1 or arriving[0].weight is not None or len(way) == len(network.projections):
            return None
        way, end = (arriving[0], *way), arriving[0].source
    return way


def put_weights(network: Network, names: Sequence[str], layers: Sequence[Layer]) -> Network:
    """The network with the weights of `layers` in the projections `names`, and nothing else changed."""
    where = lambda net: [net.projections[name].weight for name in names]  # noqa: E731
    return eqx.tree_at(where, network, [layer.weight for layer in layers])


def feedback(layer: Layer, below: Array, above: Array) -> Array:
    """V_{l+1} W^T, in the shape of `below`: the transpose of the connection in its activity."""
    (back,) = jax.linear_transpose(lambda activity: layer.connection.apply(layer.weight, activity), below)(above)
    return back


def onto(bias: Array, move: Float[Array, "*cells"]) -> Array:
    """What moved in every cell, summed over the places that share a bias: in the shape of the bias."""
    wide = (1,) * (move.ndim - bias.ndim) + bias.shape
    shared = tuple(axis for axis, size in enumerate(wide) if size == 1)
    return move.sum(axis=shared, keepdims=True).reshape(bias.shape)
