"""Leaky integrate-and-fire neuron."""

from collections.abc import Callable
from typing import NamedTuple

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from metaplast.neurons.base import Neuron, decay, soft_reset
from metaplast.params import param
from metaplast.signals import Drive, kept
from metaplast.surrogate import Surrogate, Triangular, spike


class LIFState(NamedTuple):
    voltage: Float[Array, "batch *shape"]
    """Membrane before the reset: what was held against the threshold."""
    rested: Float[Array, "batch *shape"]
    """Membrane after the reset: where the next step starts."""


class LIF(Neuron):
    """Leaky integrate-and-fire, exact for a current that is constant over a step.

    v_t = a (v_{t-1} - reset_{t-1}) + (1 - a) R I_t,   a = exp(-dt / tau)
    s_t = [v_t > threshold]

    Resting potential 0, voltages in units of the threshold. `reset` is `soft_reset`, `hard_reset` or any function
    (voltage, spikes, threshold) -> amount to subtract.

    Reference: Gerstner & Kistler (2002), Spiking Neuron Models, section 4.1.
    """

    tau: Float[Array, "..."] = param(20.0, unit="ms", low=0.1, logarithmic=True)
    threshold: Float[Array, "..."] = param(1.0, low=0.01)
    resistance: Float[Array, "..."] = param(1.0, low=0.0)
    reset: Callable[[Array, Array, Array], Array] = eqx.field(default=soft_reset, static=True)
    surrogate: Surrogate = eqx.field(default=Triangular(), static=True)

    def init(self, shape: tuple[int, ...], key: PRNGKeyArray) -> LIFState:
        zeros = jnp.zeros(shape, self.tau.dtype)
        return LIFState(zeros, zeros)

    def step(self, drive: Drive, state: LIFState, dt: float) -> tuple[Array, LIFState]:
        keep = decay(self.tau, dt)
        threshold = self.threshold + drive.threshold
        voltage = kept(keep * state.rested + (1 - keep) * self.resistance * drive.current)
        spikes = spike(voltage - threshold, self.surrogate)
        return spikes, LIFState(voltage, voltage - self.reset(voltage, spikes, threshold))
