"""Oja's rule: Hebbian growth that keeps the weights of a cell bounded."""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from metaplast.mechanism import Mechanism
from metaplast.params import param
from metaplast.signals import Local, Transmission


class OjaState(NamedTuple):
    pre: Float[Array, "batch *source"]
    """Presynaptic rate x."""
    post: Float[Array, "batch *target"]
    """Postsynaptic rate y."""
    change: Float[Array, "..."]


class Oja(Mechanism):
    """Weights turn towards the first principal component of their input, with a length of 1.

    w_t = w_{t-1} + rate mean_batch( y x - y^2 w_{t-1} )

    x and y are running means of what arrived and of what the cell sent up to the last step, with time constant `tau`;
    with a tau far below dt they are the values of that step. On a kernel both terms are summed over its places.

    Reference: Oja (1982), Journal of Mathematical Biology 15:267, eq. 3.
    """

    rate: Float[Array, "..."] = param(0.001, low=0.0)
    tau: Float[Array, "..."] = param(20.0, unit="ms", low=0.001, logarithmic=True)

    def init(self, flow: Transmission, local: Local, key: PRNGKeyArray) -> OjaState:
        return OjaState(jnp.zeros_like(local.pre), jnp.zeros_like(local.post), jnp.zeros_like(flow.weight))

    def update(self, flow: Transmission, state: OjaState, local: Local) -> tuple[Transmission, OjaState]:
        keep = jnp.exp(-local.dt / self.tau)
        post = keep * state.post + (1 - keep) * local.post
        weight = flow.weight + state.change
        growth = local.outer(state.pre, post)
        # The outer product with ones is y^2 in the geometry of the weight: on a kernel, over the places of each entry.
        loss = local.outer(jnp.ones_like(state.pre), jnp.square(post)) * weight
        change = state.change + self.rate * (growth - loss)
        pre = keep * state.pre + (1 - keep) * local.pre
        return flow._replace(weight=flow.weight + change), OjaState(pre, post, change)

    def carry(self, state: OjaState, fresh: OjaState, local: Local) -> OjaState:
        return fresh._replace(change=state.change)

    def consolidate(self, weight: Array, state: OjaState) -> tuple[Array, OjaState]:
        return weight + state.change, state._replace(change=jnp.zeros_like(state.change))
