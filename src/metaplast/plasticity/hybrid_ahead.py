"""The Hebbian synapse when all that will arrive is known: inner products of examples in place of a trace a step.

With keep k, attenuated signals x_t, presynaptic factors beta and postsynaptic ones q_t, the trace of step t is

H_t = k^t H_0 + mean_batch sum_{s<t} k^(t-1-s) (beta x_s) outer q_s,   so its current is
x_t H_t = k^t x_t H_0 + sum_{s<t} k^(t-1-s) G(t, s) q_s,   G(t, s) = x_t (beta x_s)^T / batch

H itself is formed once, after the last step, and only then clipped. This is linear attention (Katharopoulos et al.,
2020) over the steps and examples of a batch.
"""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from metaplast.mechanism import Stepper
from metaplast.signals import Ahead, Foresight, Local, Transmission, kept


class ConstantStepper(Stepper):
    """For a signal x that is constant but for its attenuation a_t: one Gram matrix G and a running sum A.

    A_t = k A_{t-1} + a_{t-1} q_{t-1};   current_t = a_t (x W + k^t x H_0 + G A_t)
    """

    rule: Any
    slow: Float[Array, "batch *target"]
    fast: Float[Array, "batch *target"]
    gram: Float[Array, "batch batch"]

    def step(self, now: tuple[Array, Array, Array], state: Array, local: Local) -> tuple[Array, Array]:
        strength, previous, share = now
        total = self.rule.keep * state + previous * self.rule.response(local.voltage)
        return strength * (self.slow + share * self.fast + jnp.tensordot(self.gram, total, 1)), total


class VaryingStepper(Stepper):
    """For a signal that changes in time: a Gram matrix for every two steps, and all postsynaptic factors so far."""

    rule: Any

    def step(self, now: tuple[Array, Array, Array], state: Array, local: Local) -> tuple[Array, Array]:
        previous, ahead, gram = now
        known = jax.lax.dynamic_update_index_in_dim(state, self.rule.response(local.voltage), previous, 0)
        return ahead + jnp.tensordot(gram, known, 2), known


class TraceStepper(Stepper):
    """H step by step, where that is less work than inner products; what the signal brings is all prepared.

    A matrix with few columns is remembered `turned`: on a CPU an outer product is formed along its rows, and takes a
    seventh of the time for 10 x 512 that it takes for 512 x 10.
    """

    rule: Any
    weight: Float[Array, "..."]
    apply: Callable[[Array, Array], Array]
    turned: bool = eqx.field(static=True)

    def step(self, now: tuple[Array, Array, Array], state: Array, local: Local) -> tuple[Array, Array]:
        arriving, taught, keep = now
        change = self.turn(local.outer(taught, self.rule.response(local.voltage)))
        trace = self.rule.clipped(kept(keep * state + change))
        return self.apply(self.weight + self.turn(trace), arriving), trace

    def turn(self, matrix: Array) -> Array:
        """From one form to the other, either way."""
        return matrix.T if self.turned else matrix


def trace_foresight(rule: Any, flow: Transmission, state: Any, local: Local, ahead: Ahead) -> Foresight:
    """Foresight of the rule for any signal [time or 1, batch, *source], with the trace of every step."""
    at = jnp.arange(ahead.steps)
    strengths = rule.strength(state.steps + at, local.dt).reshape(-1, *(1,) * (flow.activity.ndim - 1))
    x = strengths * flow.activity
    taught = jnp.concatenate([jnp.zeros_like(x[:1]), rule.beta * x[:-1]])
    slices = x, taught, jnp.where(at > 0, rule.keep, 1.0)
    narrow = flow.weight.ndim == 2 and flow.weight.shape[1] < flow.weight.shape[0]
    stepper = TraceStepper(rule, flow.weight, ahead.apply, narrow)
    start = stepper.turn(state.trace)

    def finish(trace: Array, local: Local) -> Any:
        change = stepper.turn(local.outer(rule.beta * x[-1], rule.response(local.voltage)))
        last = stepper.turn(rule.clipped(rule.keep * trace + change))
        return _finished(rule, state, ahead, last)

    return Foresight(stepper, slices, start, finish)


def constant_foresight(rule: Any, flow: Transmission, state: Any, local: Local, ahead: Ahead) -> Foresight:
    """Foresight of the rule for a signal [1, batch, *source]; `state.trace` is H_0."""
    x, powers = flow.activity[0], _powers(rule.keep, ahead.steps)
    strengths = rule.strength(state.steps + jnp.arange(ahead.steps), local.dt)
    previous = jnp.concatenate([jnp.zeros(1), strengths[:-1]])
    gram: Any = ahead.gram(x, rule.beta * x)
    slow, fast = _unless_zero(ahead.apply, flow.weight, x), ahead.apply(state.trace, x)
    stepper = ConstantStepper(rule, slow, fast, gram / x.shape[0])

    def finish(total: Array, local: Local) -> Any:
        total = rule.keep * total + strengths[-1] * rule.response(local.voltage)
        trace = rule.keep * powers[-1] * state.trace + local.outer(rule.beta * x, total)
        return _finished(rule, state, ahead, rule.clipped(trace))

    return Foresight(stepper, (strengths, previous, powers), jnp.zeros_like(local.voltage), finish)


def varying_foresight(rule: Any, flow: Transmission, state: Any, local: Local, ahead: Ahead) -> Foresight:
    """Foresight of the rule for a signal [time, batch, *source]; `state.trace` is H_0."""
    steps, batch = flow.activity.shape[:2]
    powers, at = _powers(rule.keep, steps), jnp.arange(steps)
    strengths = rule.strength(state.steps + at, local.dt)
    x = strengths.reshape(-1, *(1,) * (flow.activity.ndim - 1)) * flow.activity
    together = x.reshape(-1, *x.shape[2:])
    lag = at[:, None] - at[None, :] - 1
    decay = jnp.where(lag >= 0, powers[jnp.maximum(lag, 0)], 0.0)
    gram: Any = ahead.gram(together, rule.beta * together)
    gram = decay[:, None, :, None] * gram.reshape(steps, batch, steps, batch) / batch
    slow, fast = _unless_zero(ahead.apply, flow.weight, together), ahead.apply(state.trace, together)
    slow, fast = (current.reshape(steps, batch, *current.shape[1:]) for current in (slow, fast))
    currents = slow + powers.reshape(-1, *(1,) * (fast.ndim - 1)) * fast
    # The first step has no predecessor: what it writes is overwritten by the second before anything reads it.
    slices = jnp.maximum(at - 1, 0), currents, gram

    def finish(known: Array, local: Local) -> Any:
        known = known.at[-1].set(rule.response(local.voltage))
        weighted = powers[::-1].reshape(-1, *(1,) * (known.ndim - 1)) * known
        # The mean over steps and examples, times the steps, is the sum over steps of the mean over examples.
        change = steps * local.outer(rule.beta * together, weighted.reshape(-1, *known.shape[2:]))
        return _finished(rule, state, ahead, rule.clipped(rule.keep * powers[-1] * state.trace + change))

    return Foresight(VaryingStepper(rule), slices, jnp.zeros((steps, *local.voltage.shape)), finish)


def _finished(rule: Any, state: Any, ahead: Ahead, trace: Array) -> Any:
    """The state after all steps, with this H."""
    return rule.finished(trace, state._replace(steps=state.steps + ahead.steps))


@eqx.filter_custom_jvp
def _unless_zero(apply: Callable[[Array, Array], Array], weight: Array, x: Array) -> Array:
    """apply(weight, x), linear in both, without a product where the weight is zero, as in a channel that has only H."""
    found = jax.eval_shape(apply, weight, x)
    nothing = lambda: jnp.zeros(found.shape, found.dtype)  # noqa: E731
    return jax.lax.cond(jnp.max(jnp.abs(weight)) != 0, lambda: apply(weight, x), nothing)


@_unless_zero.def_jvp
def _(primals: Any, tangents: Any) -> tuple[Array, Array]:
    (apply, weight, x), (of_apply, of_weight, of_x) = primals, tangents
    found = _unless_zero(*primals)
    nothing = jnp.zeros_like(found)
    # What a gain and a signal add goes through the weight, so it is nothing where that is zero.
    others = lambda: _tangent(lambda apply, x: apply(weight, x), (apply, x), (of_apply, of_x), nothing)  # noqa: E731
    through = jax.lax.cond(jnp.max(jnp.abs(weight)) != 0, others, lambda: nothing)
    return found, through + _tangent(lambda weight: apply(weight, x), (weight,), (of_weight,), nothing)


def _tangent(function: Callable[..., Array], primals: Any, tangents: Any, nothing: Array) -> Array:
    """That of function(*primals); `nothing` where there is none."""
    return eqx.filter_jvp(function, primals, tangents)[1] if jax.tree.leaves(tangents) else nothing


def _powers(keep: Array, steps: int) -> Float[Array, " steps"]:
    """keep^0, keep^1, ..."""
    return jnp.concatenate([jnp.ones(1), jnp.cumprod(jnp.broadcast_to(keep, (steps - 1,)))])
