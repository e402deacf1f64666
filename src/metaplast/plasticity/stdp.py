"""Pair-based spike-timing-dependent plasticity."""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from metaplast.mechanism import Mechanism
from metaplast.params import param
from metaplast.signals import Local, Transmission


class STDPState(NamedTuple):
    pre: Float[Array, "batch *source"]
    """Trace of presynaptic spikes, the arriving one included."""
    post: Float[Array, "batch *target"]
    """Trace of postsynaptic spikes."""
    change: Float[Array, "..."]
    """Sum of all changes, in the geometry of the weight."""


class STDP(Mechanism):
    """Pair-based STDP, all-to-all pairs, additive; a shared weight changes by the mean over the batch.

    dw = a_plus exp(-lag / tau_plus)      for post at or after pre (lag >= 0: a spike caused in the same step counts)
    dw = -a_minus exp(-lag / tau_minus)   for pre after post (lag > 0)

    The postsynaptic spike of step t is known to the synapse at step t + 1, so its potentiation appears there.

    Reference: Song, Miller & Abbott (2000), Nature Neuroscience 3:919, eq. 1.
    """

    a_plus: Float[Array, "..."] = param(0.01, low=0.0)
    a_minus: Float[Array, "..."] = param(0.012, low=0.0)
    tau_plus: Float[Array, "..."] = param(20.0, unit="ms", low=0.1, logarithmic=True)
    tau_minus: Float[Array, "..."] = param(20.0, unit="ms", low=0.1, logarithmic=True)

    def init(self, flow: Transmission, local: Local, key: PRNGKeyArray) -> STDPState:
        return STDPState(jnp.zeros_like(local.pre), jnp.zeros_like(local.post), jnp.zeros_like(flow.weight))

    def update(self, flow: Transmission, state: STDPState, local: Local) -> tuple[Transmission, STDPState]:
        keep_pre, keep_post = jnp.exp(-local.dt / self.tau_plus), jnp.exp(-local.dt / self.tau_minus)
        post = keep_post * (state.post + local.post)
        # Potentiation and depression in one product: as two halves of a batch twice as large, hence the factor.
        sources = jnp.concatenate([self.a_plus * state.pre, -self.a_minus * local.pre])
        change = state.change + 2 * local.outer(sources, jnp.concatenate([local.post, post]))
        pre = keep_pre * state.pre + local.pre
        return flow._replace(weight=flow.weight + change), STDPState(pre, post, change)

    def carry(self, state: STDPState, fresh: STDPState, local: Local) -> STDPState:
        return fresh._replace(change=state.change)

    def consolidate(self, weight: Array, state: STDPState) -> tuple[Array, STDPState]:
        return weight + state.change, state._replace(change=jnp.zeros_like(state.change))
