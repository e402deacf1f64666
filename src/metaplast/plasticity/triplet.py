"""Triplet spike-timing-dependent plasticity."""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from metaplast.mechanism import Mechanism
from metaplast.params import param
from metaplast.signals import Local, Transmission


class TripletState(NamedTuple):
    pre: Float[Array, "batch *source"]
    """r1, the arriving spike included."""
    slow_pre: Float[Array, "batch *source"]
    """r2 as the next arriving spike meets it, so without that spike."""
    post: Float[Array, "batch *target"]
    """o1."""
    slow_post: Float[Array, "batch *target"]
    """o2 as the last postsynaptic spike met it, so without that spike."""
    change: Float[Array, "..."]


class TripletSTDP(Mechanism):
    """Triplet STDP, all-to-all; a shared weight changes by the mean over the batch.

    at a postsynaptic spike: dw = r1 (a2_plus + a3_plus o2),    o2 just before the spike
    at a presynaptic spike:  dw = -o1 (a2_minus + a3_minus r2), r2 just before the spike

    r1, r2, o1, o2 are traces that grow by 1 at a pre- or postsynaptic spike and decay with tau_plus, tau_x, tau_minus,
    tau_y. Spikes of the same step potentiate; the postsynaptic spike of step t is known to the synapse at t + 1.

    Reference: Pfister & Gerstner (2006), J Neurosci 26:9673, eq. 1-4; defaults of table 3 (visual cortex, all-to-all).
    """

    a2_plus: Float[Array, "..."] = param(5e-10, low=0.0)
    a3_plus: Float[Array, "..."] = param(6.2e-3, low=0.0)
    a2_minus: Float[Array, "..."] = param(7e-3, low=0.0)
    a3_minus: Float[Array, "..."] = param(2.3e-4, low=0.0)
    tau_plus: Float[Array, "..."] = param(16.8, unit="ms", low=0.1, logarithmic=True)
    tau_x: Float[Array, "..."] = param(101.0, unit="ms", low=0.1, logarithmic=True)
    tau_minus: Float[Array, "..."] = param(33.7, unit="ms", low=0.1, logarithmic=True)
    tau_y: Float[Array, "..."] = param(125.0, unit="ms", low=0.1, logarithmic=True)

    def init(self, flow: Transmission, local: Local, key: PRNGKeyArray) -> TripletState:
        pre, post = jnp.zeros_like(local.pre), jnp.zeros_like(local.post)
        return TripletState(pre, pre, post, post, jnp.zeros_like(flow.weight))

    def update(self, flow: Transmission, state: TripletState, local: Local) -> tuple[Transmission, TripletState]:
        keep = lambda tau: jnp.exp(-local.dt / tau)  # noqa: E731
        grown = local.post * (self.a2_plus + self.a3_plus * state.slow_post)
        shrunk = local.pre * (self.a2_minus + self.a3_minus * state.slow_pre)
        post = keep(self.tau_minus) * (state.post + local.post)
        # Potentiation and depression in one product: as two halves of a batch twice as large, hence the factor.
        sources, targets = jnp.concatenate([state.pre, -shrunk]), jnp.concatenate([grown, post])
        change = state.change + 2 * local.outer(sources, targets)
        pre = keep(self.tau_plus) * state.pre + local.pre
        slow_pre = keep(self.tau_x) * (state.slow_pre + local.pre)
        slow_post = keep(self.tau_y) * (state.slow_post + local.post)
        return flow._replace(weight=flow.weight + change), TripletState(pre, slow_pre, post, slow_post, change)

    def carry(self, state: TripletState, fresh: TripletState, local: Local) -> TripletState:
        return fresh._replace(change=state.change)

    def consolidate(self, weight: Array, state: TripletState) -> tuple[Array, TripletState]:
        return weight + state.change, state._replace(change=jnp.zeros_like(state.change))
