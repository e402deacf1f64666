"""Leaky rate unit: the point neuron of recurrent rate networks."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from metaplast.neurons.base import Neuron, decay
from metaplast.params import param
from metaplast.signals import Drive


@jax.custom_jvp
def softplus(x: Array) -> Array:
    """log(1 + exp(x)), whose derivative is the logistic function: one exponential, where that of JAX takes more."""
    return jax.nn.softplus(x)


softplus.defjvps(lambda tangent, value, x: tangent * jax.nn.sigmoid(x))


class RateState(NamedTuple):
    voltage: Float[Array, "batch *shape"]
    """The rate itself; it has the name of the membrane because homeostasis and readouts look for it there."""


class LeakyRate(Neuron):
    """r_t = a r_{t-1} + (1 - a) softplus(I_t), a = exp(-dt / tau); sends its rate.

    `initial` is the rate before the first step, learnable and kept from below by zero. An Euler step of size
    alpha = dt / tau, as published code takes it, is this with tau = -dt / log(1 - alpha).

    Reference: Goudar et al. (2023), Methods and public code.
    """

    tau: Float[Array, "..."] = param(100.0, unit="ms", low=0.1, logarithmic=True)
    initial: Float[Array, "..."] = param(0.0, low=0.0)

    def init(self, shape: tuple[int, ...], key: PRNGKeyArray) -> RateState:
        return RateState(jnp.broadcast_to(self.initial, shape))

    def step(self, drive: Drive, state: RateState, dt: float) -> tuple[Array, RateState]:
        keep = decay(self.tau, dt)
        rate = keep * state.voltage + (1 - keep) * softplus(drive.current)
        return rate, RateState(rate)
