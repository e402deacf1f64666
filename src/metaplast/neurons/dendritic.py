"""Leaky integrate-and-fire soma with one or several leaky dendritic branches."""

from collections.abc import Callable
from typing import NamedTuple

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from metaplast.neurons.base import Neuron, decay, soft_reset
from metaplast.params import param
from metaplast.signals import Drive, kept
from metaplast.surrogate import Surrogate, Triangular, spike


class DendriticState(NamedTuple):
    dendrite: Float[Array, "batch branches *shape"]
    voltage: Float[Array, "batch *shape"]
    """Somatic membrane before the reset."""
    rested: Float[Array, "batch *shape"]
    """What leak and reset leave of the membrane: where the next step starts."""


class DendriticLIF(Neuron):
    """Dendro-somatic LIF: each branch low-passes its own current, the soma low-passes their sum.

    d_t = b d_{t-1} + (1 - b) I_t                                   b = exp(-dt / tau_dendrite), per branch
    u_t = a u_{t-1} - reset_{t-1} + (1 - a) R sum_branches d_t      a = exp(-dt / tau_soma)
    s_t = [u_t > threshold],   reset_t = threshold s_t  (taken undecayed at the next step)

    The current has shape [batch, branches, *shape]: connect with weights [pre, branches, *shape].
    `tau_dendrite` broadcasts against [branches, *shape].

    Raises:
        ValueError: fewer than one branch.

    Reference: Zheng et al. (2024), Nature Communications 15:277 (DH-SNN), with the discretisation of its public code.
    """

    tau_dendrite: Float[Array, "..."] = param(20.0, unit="ms", low=0.1, logarithmic=True)
    tau_soma: Float[Array, "..."] = param(20.0, unit="ms", low=0.1, logarithmic=True)
    threshold: Float[Array, "..."] = param(1.0, low=0.1, high=5.0)
    resistance: Float[Array, "..."] = param(1.0, low=0.0)
    branches: int = eqx.field(default=1, static=True)
    reset: Callable[[Array, Array, Array], Array] = eqx.field(default=soft_reset, static=True)
    surrogate: Surrogate = eqx.field(default=Triangular(), static=True)

    def __check_init__(self) -> None:
        if self.branches < 1:
            raise ValueError(f"DendriticLIF.branches is {self.branches}; a neuron needs at least one branch")

    def drive_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return (self.branches, *shape)

    def init(self, shape: tuple[int, ...], key: PRNGKeyArray) -> DendriticState:
        batch, *cells = shape
        zeros = jnp.zeros(shape, self.tau_soma.dtype)
        return DendriticState(jnp.zeros((batch, self.branches, *cells), zeros.dtype), zeros, zeros)

    def step(self, drive: Drive, state: DendriticState, dt: float) -> tuple[Array, DendriticState]:
        keep_dendrite, keep_soma = decay(self.tau_dendrite, dt), decay(self.tau_soma, dt)
        threshold = self.threshold + drive.threshold
        dendrite = keep_dendrite * state.dendrite + (1 - keep_dendrite) * drive.current
        arriving = (1 - keep_soma) * self.resistance * dendrite.sum(axis=1)
        voltage = kept(state.rested + arriving)
        spikes = spike(voltage - threshold, self.surrogate)
        leaked = keep_soma * voltage  # the reset acts after the leak, so that a soft one takes a whole threshold
        rested = leaked - self.reset(leaked, spikes, threshold)
        return spikes, DendriticState(dendrite, voltage, rested)
