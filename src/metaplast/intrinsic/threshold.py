"""Spike-frequency adaptation by a moving threshold."""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from metaplast.mechanism import Mechanism
from metaplast.params import param
from metaplast.signals import Drive, Local


class AdaptiveThresholdState(NamedTuple):
    adaptation: Float[Array, "batch *shape"]


class AdaptiveThreshold(Mechanism):
    """Each spike raises the threshold, which falls back exponentially. With a LIF neuron this is the ALIF.

    b_t = r b_{t-1} + (1 - r) s_{t-1},   r = exp(-dt / tau)
    threshold_t = threshold + beta b_t

    Reference: Bellec et al. (2018), Long short-term memory and learning-to-learn in networks of spiking neurons.
    """

    beta: Float[Array, "..."] = param(1.6, low=0.0)
    tau: Float[Array, "..."] = param(200.0, unit="ms", low=0.1, logarithmic=True)

    def init(self, flow: Drive, local: Local, key: PRNGKeyArray) -> AdaptiveThresholdState:
        return AdaptiveThresholdState(jnp.zeros_like(local.post))

    def update(self, flow: Drive, state: AdaptiveThresholdState, local: Local) -> tuple[Drive, AdaptiveThresholdState]:
        keep = jnp.exp(-local.dt / self.tau)
        adaptation = keep * state.adaptation + (1 - keep) * local.post
        return flow._replace(threshold=flow.threshold + self.beta * adaptation), AdaptiveThresholdState(adaptation)
