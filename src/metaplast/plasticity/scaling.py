"""Synaptic scaling: all synapses of a cell grow or shrink together until its activity is what it should be."""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from metaplast.mechanism import Mechanism
from metaplast.params import param
from metaplast.signals import Local, Transmission


class ScalingState(NamedTuple):
    activity: Float[Array, "..."]
    """Running mean of what the cell sends, over the batch (and the places of a kernel)."""
    logarithm: Float[Array, "..."]
    """Logarithm of the factor on all weights of a cell."""


class SynapticScaling(Mechanism):
    """Multiplicative homeostasis of the weights, from the mean over the batch of what the cells sent.

    r_t = k r_{t-1} + (1 - k) mean_batch(s_{t-1}),   k = exp(-dt / tau)
    d log f / dt = rate (target - r),   w_eff = f w

    `target` is what a cell should send per step, on average; `rate` is per ms. The factor is positive, so no synapse
    changes its sign, and ratios between the synapses of a cell stay.

    Reference: Turrigiano et al. (1998), Nature 391:892; the equation after van Rossum, Bi & Turrigiano (2000), eq. 6,
    without its integral term.
    """

    target: Float[Array, "..."] = param(0.1, low=0.0)
    rate: Float[Array, "..."] = param(0.001, low=0.0)
    tau: Float[Array, "..."] = param(200.0, unit="ms", low=0.1, logarithmic=True)

    def init(self, flow: Transmission, local: Local, key: PRNGKeyArray) -> ScalingState:
        shape = local.spread(local.post)
        # It begins where it should be, so that nothing changes before there is evidence.
        return ScalingState(jnp.zeros_like(shape) + self.target, jnp.zeros_like(shape))

    def update(self, flow: Transmission, state: ScalingState, local: Local) -> tuple[Transmission, ScalingState]:
        keep = jnp.exp(-local.dt / self.tau)
        activity = keep * state.activity + (1 - keep) * local.spread(local.post)
        logarithm = state.logarithm + local.dt * self.rate * (self.target - activity)
        return flow._replace(weight=flow.weight * jnp.exp(logarithm)), ScalingState(activity, logarithm)

    def carry(self, state: ScalingState, fresh: ScalingState, local: Local) -> ScalingState:
        return state

    def consolidate(self, weight: Array, state: ScalingState) -> tuple[Array, ScalingState]:
        return weight * jnp.exp(state.logarithm), state._replace(logarithm=jnp.zeros_like(state.logarithm))
