"""BCM: Hebbian plasticity with a sliding threshold between depression and potentiation."""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from metaplast.mechanism import Mechanism
from metaplast.params import param
from metaplast.signals import Local, Transmission


class BCMState(NamedTuple):
    pre: Float[Array, "batch *source"]
    """Presynaptic rate x."""
    post: Float[Array, "batch *target"]
    """Postsynaptic rate y."""
    threshold: Float[Array, "batch *target"]
    """Running mean of y^2 / target."""
    change: Float[Array, "..."]


class BCM(Mechanism):
    """Active cells potentiate what drives them if they are more active than usual, and depress it if less.

    w_t = w_{t-1} + rate mean_batch( x y (y - theta) ),   theta = running mean of y^2 / target, time constant tau_theta

    x and y are running means, with time constant `tau`, of what arrived and of what the cell sent up to the last step.
    At a constant rate y = target the threshold is y, and nothing changes. The mean over the batch of each cell's
    threshold is carried over to the next presentation.

    Reference: Bienenstock, Cooper & Munro (1982), J Neurosci 2:32; the squared mean of Intrator & Cooper (1992).
    """

    rate: Float[Array, "..."] = param(0.01, low=0.0)
    target: Float[Array, "..."] = param(0.1, low=0.001)
    tau: Float[Array, "..."] = param(20.0, unit="ms", low=0.001, logarithmic=True)
    tau_theta: Float[Array, "..."] = param(200.0, unit="ms", low=0.1, logarithmic=True)

    def init(self, flow: Transmission, local: Local, key: PRNGKeyArray) -> BCMState:
        silent = jnp.zeros_like(local.post)
        return BCMState(jnp.zeros_like(local.pre), silent, silent, jnp.zeros_like(flow.weight))

    def update(self, flow: Transmission, state: BCMState, local: Local) -> tuple[Transmission, BCMState]:
        keep, slow = jnp.exp(-local.dt / self.tau), jnp.exp(-local.dt / self.tau_theta)
        post = keep * state.post + (1 - keep) * local.post
        change = state.change + self.rate * local.outer(state.pre, post * (post - state.threshold))
        threshold = slow * state.threshold + (1 - slow) * jnp.square(post) / self.target
        pre = keep * state.pre + (1 - keep) * local.pre
        return flow._replace(weight=flow.weight + change), BCMState(pre, post, threshold, change)

    def carry(self, state: BCMState, fresh: BCMState, local: Local) -> BCMState:
        usual = jnp.broadcast_to(state.threshold.mean(axis=0), fresh.threshold.shape)
        return fresh._replace(threshold=usual, change=state.change)

    def consolidate(self, weight: Array, state: BCMState) -> tuple[Array, BCMState]:
        return weight + state.change, state._replace(change=jnp.zeros_like(state.change))
