"""Leaky integrator: a membrane that never spikes, the usual readout."""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from metaplast.neurons.base import Neuron, decay
from metaplast.params import param
from metaplast.signals import Drive


class IntegratorState(NamedTuple):
    voltage: Float[Array, "batch *shape"]


class LeakyIntegrator(Neuron):
    """v_t = a v_{t-1} + (1 - a) I_t, a = exp(-dt / tau); sends its membrane, a graded value.

    Own: the membrane of `LIF` without threshold and reset.
    """

    tau: Float[Array, "..."] = param(20.0, unit="ms", low=0.1, logarithmic=True)

    def init(self, shape: tuple[int, ...], key: PRNGKeyArray) -> IntegratorState:
        return IntegratorState(jnp.zeros(shape, self.tau.dtype))

    def step(self, drive: Drive, state: IntegratorState, dt: float) -> tuple[Array, IntegratorState]:
        keep = decay(self.tau, dt)
        voltage = keep * state.voltage + (1 - keep) * drive.current
        return voltage, IntegratorState(voltage)
