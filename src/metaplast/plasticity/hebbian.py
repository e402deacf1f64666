"""Decaying Hebbian trace: fast weights beside the slow ones."""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from metaplast.mechanism import Mechanism
from metaplast.params import param
from metaplast.signals import Local, Transmission


class HebbianState(NamedTuple):
    trace: Float[Array, "..."]
    """Hebbian trace H, in the geometry of the weight."""


class HebbianTrace(Mechanism):
    """Fast weight that follows the coincidence of arriving spikes and the postsynaptic membrane.

    H_t = keep H_{t-1} + mean_batch( x_t  outer  tanh(v_{t-1} - theta) )
    w_eff = w + alpha H_t

    `keep` is exp(-dt / tau). Membranes are in units of the threshold.

    Reference: after Wu et al. (2022), Nature Communications 13:65 (its per-neuron beta and the clip of H are left out;
    `HebbianSynapse` is the rule of the paper).
    """

    alpha: Float[Array, "..."] = param(0.01)
    theta: Float[Array, "..."] = param(0.0)
    tau: Float[Array, "..."] = param(20.0, unit="ms", low=0.1, logarithmic=True)

    def init(self, flow: Transmission, local: Local, key: PRNGKeyArray) -> HebbianState:
        return HebbianState(jnp.zeros_like(flow.weight))

    def update(self, flow: Transmission, state: HebbianState, local: Local) -> tuple[Transmission, HebbianState]:
        keep = jnp.exp(-local.dt / self.tau)
        trace = keep * state.trace + local.outer(local.pre, jnp.tanh(local.voltage - self.theta))
        return flow._replace(weight=flow.weight + self.alpha * trace), HebbianState(trace)

    def carry(self, state: HebbianState, fresh: HebbianState, local: Local) -> HebbianState:
        return state

    def consolidate(self, weight: Array, state: HebbianState) -> tuple[Array, HebbianState]:
        return weight + self.alpha * state.trace, HebbianState(jnp.zeros_like(state.trace))
