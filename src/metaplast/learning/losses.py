"""The five-term loss: task, homeostasis, and a price on each weight matrix."""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, Int

from metaplast.models.base import Model, Response
from metaplast.tasks.base import Trial


class LossState(NamedTuple):
    """What the loss carries from update to update."""

    target: Float[Array, ""]
    """Homeostatic target of the mean squared activation; zero during the first problem unless it is set."""
    recent: Float[Array, " window"]
    """Mean squared activations of the last updates, NaN where there is none yet."""
    problems: Int[Array, ""]
    """Problems begun."""
    directions: Float[Array, "neurons rank"]
    """Estimate of the leading right singular vectors of the recurrent weight."""


class FiveTermLoss(eqx.Module):
    """L = CE + l_h |<r^2> - h*| + l_i <W_in^2> + l_r <leading squared singular values of W_rec> + l_o <W_out^2>

    CE is the softmax cross-entropy averaged over the steps that the mask counts, r the recurrent activation, <> a mean.
    h* is zero in the first problem and then the mean of <r^2> over its last `window` updates, unless
    `activity_target` gives a number. The `rank` leading singular values are |W v|^2 along directions v that follow
    the leading subspace by one step of orthogonal iteration an update. Exact at the start, the term then lies below
    its exact value, by up to a tenth while W learns. Where singular values lie close together, as in an orthogonal
    start, the directions hardly move, so that the price falls on others than the leading ones: `exact` decomposes
    W^T W at every update instead, which takes longer than a short trial.

    Reference: Goudar et al. (2023), Methods and public code, from which the coefficients come too.
    """

    homeostasis: float = eqx.field(default=5e-4, static=True)
    input_price: float = eqx.field(default=1e-4, static=True)
    recurrent_price: float = eqx.field(default=1e-3, static=True)
    output_price: float = eqx.field(default=0.1, static=True)
    activity_target: float | None = eqx.field(default=None, static=True)
    window: int = eqx.field(default=50, static=True)
    rank: int = eqx.field(default=10, static=True)
    exact: bool = eqx.field(default=False, static=True)

    def init(self, model: Model) -> LossState:
        """State before the first problem; one exact decomposition starts the directions."""
        recurrent = _square(model.weights().recurrent)
        rank = min(self.rank, recurrent.shape[1])
        directions = jnp.linalg.svd(recurrent, full_matrices=False)[2][:rank].T
        target = jnp.asarray(self.activity_target or 0.0, recurrent.dtype)
        return LossState(target, jnp.full(self.window, jnp.nan, recurrent.dtype), jnp.zeros((), int), directions)

    def begin(self, state: LossState) -> LossState:
        """At the start of a problem: after the first one, its activity becomes the homeostatic target."""
        if self.activity_target is None:
            measured = jnp.nan_to_num(jnp.nanmean(state.recent, where=jnp.isfinite(state.recent)))
            state = state._replace(target=jnp.where(state.problems == 1, measured, state.target))
        return state._replace(problems=state.problems + 1)

    def __call__(
        self, model: Model, response: Response, trials: Trial, state: LossState
    ) -> tuple[Float[Array, ""], tuple[Float[Array, ""], LossState]]:
        """Total loss, and beside it the task loss alone and the next state."""
        task = cross_entropy(response.output, trials)
        square = jnp.mean(jnp.square(response.hidden))
        weights = model.weights()
        recurrent = _square(weights.recurrent)
        follow = exact_directions if self.exact else leading_directions
        directions = follow(jax.lax.stop_gradient(recurrent), state.directions)
        leading = jnp.sum(jnp.square(recurrent @ directions)) / directions.shape[1]
        total = (
            task
            + self.homeostasis * jnp.abs(square - state.target)
            + self.input_price * jnp.mean(jnp.square(weights.input))
            + self.recurrent_price * leading
            + self.output_price * jnp.mean(jnp.square(weights.output))
        )
        recent = jnp.concatenate([state.recent[1:], jax.lax.stop_gradient(square)[None]])
        return total, (task, state._replace(recent=recent, directions=directions))


def cross_entropy(output: Float[Array, "time batch outputs"], trials: Trial) -> Float[Array, ""]:
    """Softmax cross-entropy, averaged over the steps and trials that the mask counts."""
    losses = optax.softmax_cross_entropy_with_integer_labels(output, trials.target)
    return jnp.sum(losses * trials.mask) / jnp.sum(trials.mask)


def accuracy(output: Float[Array, "time batch outputs"], trials: Trial) -> Float[Array, ""]:
    """Fraction of trials in which the mean output over the decision steps is largest at the target."""
    weight = trials.decision / jnp.sum(trials.decision, axis=0)
    choice = jnp.argmax(jnp.sum(output * weight[:, :, None], axis=0), axis=-1)
    wanted = jnp.max(jnp.where(trials.decision > 0, trials.target, -1), axis=0)  # it does not change while judged
    return jnp.mean(choice == wanted)


def leading_directions(
    weight: Float[Array, "pre post"], directions: Float[Array, "post rank"]
) -> Float[Array, "post rank"]:
    """One step of orthogonal iteration towards the leading right singular vectors: orthonormal(W^T W V)."""
    return jnp.linalg.qr(weight.T @ (weight @ directions))[0]


def exact_directions(
    weight: Float[Array, "pre post"], directions: Float[Array, "post rank"]
) -> Float[Array, "post rank"]:
    """The leading right singular vectors, as many as `directions` has columns: leading eigenvectors of W^T W."""
    return jnp.linalg.eigh(weight.T @ weight)[1][:, -directions.shape[1] :]


def _square(weight: Array) -> Array:
    """[pre, post...] as a matrix."""
    return weight.reshape(weight.shape[0], -1)
