"""Hebbian synapse of global-local hybrid plasticity: a fast weight whose own coefficients are learned."""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray

from metaplast.mechanism import Mechanism
from metaplast.params import param
from metaplast.plasticity.hybrid_ahead import constant_foresight, trace_foresight, varying_foresight
from metaplast.signals import Ahead, Foresight, Local, Transmission


class HybridState(NamedTuple):
    trace: Float[Array, "..."]
    """Hebbian trace H, in the geometry of the weight; it has no batch axis."""
    pre: Float[Array, "batch *source"]
    """What arrived at the last step; paired, one step later, with the membrane that it caused."""
    steps: Int[Array, ""]
    """Steps of this presentation so far."""
    due: Bool[Array, ""]
    """Whether H still lacks what the last step taught, as it does until the step after it or the simulation's end."""


class HebbianSynapse(Mechanism):
    """Fast weight H beside the slow one; the coefficients of its rule get gradients, H itself is never a parameter.

    I_t = gain x_t (W + H_t)
    H_{t+1} = clip( keep H_t + mean_batch( (beta x_t) outer tanh(v_t / threshold - eta) ), -limit, limit )

    `v_t` is the membrane before its reset. `beta` (a scalar, or one number a presynaptic cell) is the learning rate,
    `eta` (a scalar, or one a postsynaptic cell) a sliding threshold, in units of `threshold`, the one of the
    target cells; `keep` is the share of H that is left after one step. The paper's alpha is the gain of the
    projection, whose weight W is a frozen zero when the channel has nothing but H. With `attenuation` (ms) the arriving
    signal is multiplied by exp(-t / attenuation), t the time since the presentation began.

    Over a dense connection from an earlier block the engine needs no H a step (`hybrid_ahead`): the same numbers as
    long as the limit is not reached, since H is then clipped after the last step only.

    H lasts over presentations (`network.carry_over`), without a gradient from one to the next. v_t is known to the
    synapse at step t + 1, so what the last step taught enters H at the end of a simulation. Consolidation takes H
    into the weight.

    Raises:
        ValueError: a `limit` or an `attenuation` that is not positive.

    Reference: Wu et al. (2022), Nature Communications 13:65, eq. 3-4, and the authors' code for Fashion-MNIST:
    keep 0.95, limit 4, beta and eta drawn from [0, 0.01], attenuation 40 steps. Their gamma is not used there.
    """

    beta: Float[Array, "..."] = param(0.01)
    eta: Float[Array, "..."] = param(0.01)
    threshold: Float[Array, "..."] = param(1.0, low=0.01)
    keep: Float[Array, "..."] = param(0.95, low=0.0, high=1.0)
    limit: float = eqx.field(default=4.0, static=True)
    attenuation: float | None = eqx.field(default=None, static=True)

    def __check_init__(self) -> None:
        for name in ("limit", "attenuation"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise ValueError(f"HebbianSynapse.{name} is {value}; give a positive number")

    def init(self, flow: Transmission, local: Local, key: PRNGKeyArray) -> HybridState:
        return HybridState(jnp.zeros_like(flow.weight), jnp.zeros_like(local.pre), jnp.int32(0), jnp.array(False))

    def update(self, flow: Transmission, state: HybridState, local: Local) -> tuple[Transmission, HybridState]:
        trace = self.learned(state, local)
        arriving = self.strength(state.steps, local.dt) * flow.activity
        return Transmission(arriving, flow.weight + trace), HybridState(
            trace, arriving, state.steps + 1, jnp.array(True)
        )

    def learned(self, state: HybridState, local: Local) -> Array:
        """H after the coincidence of the last step; as it is if it has that already."""
        return jnp.where(state.due, self.taught(state, local), state.trace)

    def taught(self, state: HybridState, local: Local) -> Array:
        """H after one more coincidence, that of the last step."""
        change = local.outer(self.beta * state.pre, self.response(local.voltage))
        return self.clipped(self.keep * state.trace + change)

    def clipped(self, trace: Array) -> Array:
        """H within its limit."""
        return jnp.clip(trace, -self.limit, self.limit)

    def response(self, voltage: Float[Array, "batch *target"]) -> Float[Array, "batch *target"]:
        """The postsynaptic factor."""
        return jnp.tanh(voltage / self.threshold - self.eta)

    def strength(self, steps: Array, dt: float) -> Array:
        """Factor on what arrives at a step of a presentation."""
        one = jnp.ones(jnp.shape(steps), self.keep.dtype)
        return one if self.attenuation is None else jnp.exp(-steps * dt / self.attenuation)

    def foresee(self, flow: Transmission, state: HybridState, local: Local, ahead: Ahead) -> Foresight | None:
        """See `hybrid_ahead`: inner products where they are less work than a trace a step."""
        constant, batch = flow.activity.shape[0] == 1, local.pre.shape[0]
        if self.keep.ndim:
            return None
        state = self._begun(state, local)
        by_products = batch**2 * (1 if constant else ahead.steps) <= state.trace.size
        if not by_products or ahead.gram(local.pre, local.pre) is None:
            return trace_foresight(self, flow, state, local, ahead)
        made = constant_foresight if constant else varying_foresight
        return made(self, flow, state, local, ahead)

    def _begun(self, state: HybridState, local: Local) -> HybridState:
        """The state with what may still be due, which it then learns without a gradient.

        Only a state recorded in the midst of another simulation owes anything. With a gradient every simulation would
        form the product that leads to it.
        """
        rule, pre, voltage = jax.lax.stop_gradient((self, state.pre, local.voltage))
        return rule.finish(state._replace(pre=pre), local._replace(voltage=voltage))

    def finish(self, state: HybridState, local: Local) -> HybridState:
        # Chosen, not masked: usually nothing is due, and then no product is formed.
        trace = jax.lax.cond(state.due, lambda: self.taught(state, local), lambda: state.trace)
        return self.finished(trace, state)

    def finished(self, trace: Array, state: HybridState) -> HybridState:
        """The state at the end of a simulation, with this H."""
        return HybridState(trace, jnp.zeros_like(state.pre), state.steps, jnp.array(False))

    def carry(self, state: HybridState, fresh: HybridState, local: Local) -> HybridState:
        return fresh._replace(trace=self.finish(state, local).trace)

    def consolidate(self, weight: Array, state: HybridState) -> tuple[Array, HybridState]:
        return weight + state.trace, state._replace(trace=jnp.zeros_like(state.trace))
