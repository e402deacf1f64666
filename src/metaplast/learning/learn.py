"""From problem to outcome, and from problem to problem, without leaving compiled code."""

from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray

from metaplast.learning.base import Learner, Metrics
from metaplast.learning.criteria import Criterion, CriterionState
from metaplast.models.base import Model
from metaplast.tasks.base import Family, Problem


class Outcome(NamedTuple):
    """How a problem went."""

    updates: Int[Array, ""]
    loss: Float[Array, ""]
    """Mean task loss over the last window of the criterion."""
    accuracy: Float[Array, ""]
    """Mean accuracy over that window."""
    solved: Bool[Array, ""]
    activity: Float[Array, ""]
    """Mean activity of the recurrent cells at the last update."""


class _Progress(NamedTuple):
    model: Any
    learner: Any
    criterion: CriterionState
    metrics: Metrics
    updates: Int[Array, ""]
    course: Float[Array, " limit"] | None
    """Task loss of every update so far, where somebody asks for it."""


def learn(
    learner: Learner,
    model: Model,
    state: Any,
    problem: Problem,
    criterion: Criterion,
    key: PRNGKeyArray,
    *,
    limit: int | Int[Array, ""],
    batch: int,
) -> tuple[Model, Any, Outcome]:
    """Learn one problem until the criterion is reached, `limit` updates are spent or the loss is not a number.

    Every update draws `batch` fresh trials. After a loss that is not a number the model is given back as it was
    before the problem, since nothing could be learned from it any more; after `limit` updates it keeps what it learned.
    With a `limit` of zero the problem is not attempted: no update, and a loss that is not a number.
    """
    return _learn(learner, model, state, problem, criterion, key, limit, batch)[0]


def loss_course(
    learner: Learner,
    model: Model,
    state: Any,
    family: Family,
    criterion: Criterion,
    key: PRNGKeyArray,
    index: Int[Array, ""],
    *,
    limit: int,
    batch: int,
) -> tuple[Float[Array, " limit"], Outcome]:
    """Task loss at every update on problem `index` of a sequence, and how it went: `learn_sequence` step by step.

    The loss is that before the update; behind the last one it is not a number.
    """
    problem, learn_key = _problem(family, key, index)
    course = jnp.full(limit, jnp.nan)
    (_, _, outcome), course = _learn(learner, model, state, problem, criterion, learn_key, limit, batch, course)
    assert course is not None
    return course, outcome


def _learn(
    learner: Learner,
    model: Model,
    state: Any,
    problem: Problem,
    criterion: Criterion,
    key: PRNGKeyArray,
    limit: int | Int[Array, ""],
    batch: int,
    course: Float[Array, " limit"] | None = None,
) -> tuple[tuple[Model, Any, Outcome], Float[Array, " limit"] | None]:
    """`learn`, and the losses in `course`."""
    arrays, static = eqx.partition(model, eqx.is_array)

    def unfinished(progress: _Progress) -> Bool[Array, ""]:
        over = criterion.reached(progress.criterion) | criterion.broken(progress.criterion)
        return ~over & (progress.updates < limit)

    def update(progress: _Progress) -> _Progress:
        trial_key, step_key = jax.random.split(jax.random.fold_in(key, progress.updates))
        current = eqx.combine(progress.model, static)
        current, learner_state, metrics = learner.step(
            current, progress.learner, problem.trials(trial_key, batch), step_key
        )
        judged = criterion.update(progress.criterion, metrics)
        course = None if progress.course is None else progress.course.at[progress.updates].set(metrics.loss)
        arrays = eqx.filter(current, eqx.is_array)
        return _Progress(arrays, learner_state, judged, metrics, progress.updates + 1, course)

    unknown = Metrics(*[jnp.full((), jnp.nan)] * 3)
    start = _Progress(arrays, learner.begin(model, state), criterion.init(), unknown, jnp.zeros((), jnp.int32), course)
    end = jax.lax.while_loop(unfinished, update, start)
    broken = criterion.broken(end.criterion)
    kept, learner_state = jax.tree.map(
        lambda before, after: jnp.where(broken, before, after), (arrays, start.learner), (end.model, end.learner)
    )
    outcome = Outcome(
        end.updates,
        _mean_measured(end.criterion.losses),
        _mean_measured(end.criterion.accuracies),
        criterion.reached(end.criterion) & ~broken,
        end.metrics.activity,
    )
    return (eqx.combine(kept, static), learner_state, outcome), end.course


def _problem(family: Family, key: PRNGKeyArray, index: Int[Array, ""]) -> tuple[Problem, PRNGKeyArray]:
    """Problem `index` of the sequence that `key` determines, and the key for learning it."""
    problem_key, learn_key = jax.random.split(jax.random.fold_in(key, index))
    return family.sample(problem_key), learn_key


def _mean_measured(values: Float[Array, " window"]) -> Float[Array, ""]:
    """Mean over the window, or over as much of it as was filled; NaN stays NaN."""
    return jnp.mean(values, where=~jnp.isinf(values))


def learn_sequence(
    learner: Learner,
    model: Model,
    state: Any,
    family: Family,
    criterion: Criterion,
    key: PRNGKeyArray,
    indices: Int[Array, " problems"],
    *,
    limit: int,
    batch: int,
) -> tuple[Model, Any, Outcome]:
    """Learn the problems `indices` of the sequence that `key` determines, one after the other.

    Problem i depends on `key` and i alone, so two allocations with one key meet the same problems and trials, and a
    sequence cut anywhere goes on as if it had not been.
    """
    never = jnp.zeros((), jnp.int32)
    model, (state, _), outcomes = learn_until_given_up(
        learner, model, (state, never), family, criterion, key, indices, limit=limit, batch=batch, give_up=0
    )
    return model, state, outcomes


def learn_until_given_up(
    learner: Learner,
    model: Model,
    state: tuple[Any, Int[Array, ""]],
    family: Family,
    criterion: Criterion,
    key: PRNGKeyArray,
    indices: Int[Array, " problems"],
    *,
    limit: int,
    batch: int,
    give_up: int,
) -> tuple[Model, tuple[Any, Int[Array, ""]], Outcome]:
    """`learn_sequence` that attempts no further problem after `give_up` failures in a row; 0 means never.

    `state` is that of the learner and the number of failures in a row so far, both of which come back. A problem that
    was not attempted has an outcome of zero updates.
    """
    arrays, static = eqx.partition(model, eqx.is_array)

    def one(carry: tuple[Any, Any, Array], index: Array) -> tuple[tuple[Any, Any, Array], Outcome]:
        arrays, learner_state, failed = carry
        problem, learn_key = _problem(family, key, index)
        current = eqx.combine(arrays, static)
        left = jnp.where(failed < give_up, limit, 0) if give_up else limit
        current, learner_state, outcome = learn(
            learner, current, learner_state, problem, criterion, learn_key, limit=left, batch=batch
        )
        failed = jnp.where(outcome.solved, 0, failed + (outcome.updates > 0))
        return (eqx.filter(current, eqx.is_array), learner_state, failed), outcome

    (arrays, state, failed), outcomes = jax.lax.scan(one, (arrays, *state), indices)
    return eqx.combine(arrays, static), (state, failed), outcomes
