"""Gated recurrent network (GRU): the baseline that machine learning would take."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, PRNGKeyArray

from metaplast.connections import Sparse
from metaplast.models.recurrent import RECURRENT, Recurrent, with_readout
from metaplast.network import Population, Projection
from metaplast.neurons import GatedUnit
from metaplast.neurons.gated import OUTSIDE, WITHIN


def recurrent_gated(key: PRNGKeyArray, *, channels: int, neurons: int, outputs: int, dt: float) -> Recurrent:
    """Gated recurrent units between the input and a linear readout.

    Input weights N(0, 1 / channels), the three recurrent matrices random orthogonal, readout weights and biases zero,
    as in the other models. The initialisation is assumed; the cell is `GatedUnit`.

    Reference: Cho et al. (2014).
    """
    input_key, recurrent_key = jax.random.split(key)
    inward = jax.random.normal(input_key, (channels, 4, neurons)) / np.sqrt(channels)
    within = jax.vmap(lambda key: jax.random.orthogonal(key, neurons), out_axes=1)(jax.random.split(recurrent_key, 4))
    network = with_readout(
        Population(GatedUnit(), neurons, bias=jnp.zeros((4, neurons))),
        _without_row(inward, WITHIN, "input"),
        _without_row(within, OUTSIDE, RECURRENT, delay=1),
        channels=channels,
        outputs=outputs,
        dt=dt,
    )
    return Recurrent(network)


def _without_row(weight: Array, row: int, source: str, delay: int = 0) -> Projection:
    """A projection onto all rows of the current but one."""
    mask = jnp.broadcast_to((jnp.arange(4) != row)[:, None], weight.shape)
    return Projection(source, RECURRENT, Sparse(mask), jnp.where(mask, weight, 0.0), delay=delay)
