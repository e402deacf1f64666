"""e-prop: eligibility traces that a learning signal turns into changes of the weight."""

from typing import NamedTuple

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from metaplast.mechanism import Mechanism
from metaplast.params import param
from metaplast.signals import Local, Transmission
from metaplast.surrogate import Surrogate, Triangular


class EpropState(NamedTuple):
    pre: Float[Array, "batch *source"]
    """Trace of what arrived, the last step included."""
    change: Float[Array, "..."]


class Eprop(Mechanism):
    """Gradient descent forward in time, for LIF cells and a learning signal on the modulator port.

    e_t = psi(v_t - threshold) xbar_t,   xbar_t = exp(-dt / tau) xbar_{t-1} + x_t
    w <- w - rate mean_batch( L_t e_t )

    L_t, what arrives on the "modulator" port of the target, is the derivative of the loss in the spikes of that cell:
    the error of the readout through its (symmetric or random) feedback weights. `tau` and `threshold` are to be those
    of the target cells, psi is their surrogate derivative. For cells without recurrence and reset, e_t is the exact
    derivative of the spike in the weight, up to the input scale (1 - exp(-dt / tau)) R of `LIF`, left to the rate.
    Since e_t is a product of a presynaptic and a postsynaptic value, no trace per example and synapse is
    needed; the low-pass filter of a leaky readout, which would break that, is left out.

    Without a projection on the modulator port nothing changes.

    Reference: Bellec et al. (2020), Nature Communications 11:3625, eq. 1, 4 and 22-24.
    """

    rate: Float[Array, "..."] = param(0.001, low=0.0)
    threshold: Float[Array, "..."] = param(1.0, low=0.01)
    tau: Float[Array, "..."] = param(20.0, unit="ms", low=0.1, logarithmic=True)
    surrogate: Surrogate = eqx.field(default=Triangular(), static=True)

    def init(self, flow: Transmission, local: Local, key: PRNGKeyArray) -> EpropState:
        return EpropState(jnp.zeros_like(local.pre), jnp.zeros_like(flow.weight))

    def update(self, flow: Transmission, state: EpropState, local: Local) -> tuple[Transmission, EpropState]:
        change = self.learned(state, local)
        pre = jnp.exp(-local.dt / self.tau) * state.pre + local.pre
        return flow._replace(weight=flow.weight + change), EpropState(pre, change)

    def learned(self, state: EpropState, local: Local) -> Array:
        """Change after the learning signal of the last step."""
        signal = local.modulator * self.surrogate.derivative(local.voltage - self.threshold)
        return state.change - self.rate * local.outer(state.pre, signal)

    def carry(self, state: EpropState, fresh: EpropState, local: Local) -> EpropState:
        return fresh._replace(change=self.learned(state, local))

    def consolidate(self, weight: Array, state: EpropState) -> tuple[Array, EpropState]:
        return weight + state.change, EpropState(jnp.zeros_like(state.pre), jnp.zeros_like(state.change))
