"""From problem to problem: criterion, limit, failure, and sequences that may be cut anywhere."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from helpers import tree_allclose
from learning_helpers import CRITERION, FAMILY, WEIGHTS, learner_of, network
from metaplast.learning import Criterion, Outcome, learn, learn_sequence
from metaplast.models import recurrent_spiking
from metaplast.params import named_arrays
from metaplast.surrogate import Surrogate
from metaplast.tasks import Problem, Trial


class Spoiled(Problem):
    """A problem whose inputs are not numbers from some draw on, since `odds` of its draws are spoiled."""

    inner: Problem
    odds: float

    def trials(self, key, batch: int) -> Trial:
        trial = self.inner.trials(key, batch)
        spoil = jax.random.uniform(jax.random.fold_in(key, 1)) < self.odds
        return trial._replace(inputs=jnp.where(spoil, jnp.nan, trial.inputs))


@eqx.filter_jit
def learned(learner, model, state, problem, criterion: Criterion, limit: int):
    return learn(learner, model, state, problem, criterion, jax.random.key(6), limit=limit, batch=8)


@pytest.fixture(scope="module")
def start():
    model = network(64)
    learner = learner_of(model)
    return learner, model, learner.init(model)


@pytest.fixture(scope="module")
def problem():
    return FAMILY.sample(jax.random.key(1))


def identical(first, second) -> bool:
    pairs = zip(jax.tree.leaves(first), jax.tree.leaves(second), strict=True)
    return all(np.asarray(one).tobytes() == np.asarray(two).tobytes() for one, two in pairs)


def test_an_easy_problem_is_learned_to_its_criterion(start, problem):
    learner, model, state = start
    trained, _, outcome = learned(learner, model, state, problem, CRITERION, 400)
    assert outcome.solved
    assert 5 <= int(outcome.updates) < 400
    assert float(outcome.loss) < 0.1
    assert float(outcome.accuracy) == 1.0
    assert 0.02 < float(outcome.activity) < 0.9
    # It has learned the problem itself: fresh trials, and another problem for comparison.
    assert fresh_accuracy(trained, problem) == 1.0
    assert fresh_accuracy(trained, FAMILY.sample(jax.random.key(2))) < 0.9
    assert fresh_accuracy(model, problem) < 0.9


def fresh_accuracy(model, problem) -> float:
    trials = problem.trials(jax.random.key(99), 64)
    output = np.asarray(eqx.filter_jit(type(model).respond)(model, trials.inputs, jax.random.key(0)).output)
    answer = output[np.asarray(trials.decision[:, 0]) > 0].mean(0).argmax(-1)
    return float((answer == np.asarray(trials.target[-1])).mean())


def test_learning_stops_at_the_limit_and_keeps_what_it_learned(start, problem):
    learner, model, state = start
    trained, _, outcome = learned(learner, model, state, problem, CRITERION, 7)
    assert (int(outcome.updates), bool(outcome.solved)) == (7, False)
    assert not identical(named_arrays(trained)["network.projections.readout.weight"], model.weights().output)


def test_a_loss_that_is_no_number_is_a_failure_and_the_model_is_as_before(start, problem):
    learner, model, state = start
    trained, after, outcome = learned(learner, model, state, Spoiled(problem, 1.0), CRITERION, 50)
    assert (int(outcome.updates), bool(outcome.solved)) == (1, False)
    assert np.isnan(outcome.loss)
    assert identical(named_arrays(trained), named_arrays(model))
    assert identical(after, learner.begin(model, state))


def test_a_loss_that_breaks_later_gives_the_model_back_too(start, problem):
    learner, model, state = start
    trained, after, outcome = learned(learner, model, state, Spoiled(problem, 0.2), CRITERION, 50)
    assert 1 < int(outcome.updates) < 50
    assert not outcome.solved
    assert np.isnan(outcome.loss)
    assert identical(named_arrays(trained), named_arrays(model))
    assert identical(after, learner.begin(model, state))


@eqx.filter_jit
def sequence(learner, model, state, indices) -> tuple:
    key = jax.random.key(8)
    return learn_sequence(learner, model, state, FAMILY, CRITERION, key, indices, limit=20, batch=4)


def test_three_problems_and_three_more_are_six(start):
    learner, model, state = start
    whole = sequence(learner, model, state, jnp.arange(6))
    first = sequence(learner, model, state, jnp.arange(3))
    second = sequence(learner, *first[:2], jnp.arange(3, 6))
    joined = Outcome(*(jnp.concatenate(pair) for pair in zip(first[2], second[2], strict=True)))
    assert identical(joined, whole[2])
    assert identical(second[:2], whole[:2])
    assert int(whole[1].loss.problems) == 6
    assert len(set(np.asarray(whole[2].loss).tolist())) == 6


def test_a_sequence_is_learned_problem_by_problem(start):
    """The same as calling `learn` with the keys that the sequence gives its problems."""
    learner, model, state = start
    whole = sequence(learner, model, state, jnp.arange(3))

    @eqx.filter_jit
    def one(model, state, index):
        problem_key, learn_key = jax.random.split(jax.random.fold_in(jax.random.key(8), index))
        problem = FAMILY.sample(problem_key)
        return learn(learner, model, state, problem, CRITERION, learn_key, limit=20, batch=4)

    updates = []
    for index in jnp.arange(3):
        model, state, outcome = one(model, state, index)
        updates.append(int(outcome.updates))
    assert updates == whole[2].updates.tolist()
    tree_allclose(named_arrays(model), named_arrays(whole[0]), rtol=1e-4, atol=1e-4)


class Broken(Surrogate):
    """A derivative that is no number: the loss stays finite, its gradient does not."""

    def derivative(self, x):
        return jnp.full_like(x, jnp.nan)


def test_a_gradient_that_is_no_number_is_a_failure_too(problem):
    model = recurrent_spiking(
        jax.random.key(2), channels=FAMILY.channels, neurons=24, outputs=3, dt=FAMILY.dt, surrogate=Broken()
    )
    readout = jax.random.normal(jax.random.key(1), (24, 3))
    model = eqx.tree_at(lambda m: m.network.projections["readout"].weight, model, readout)
    learner = learner_of(model, *WEIGHTS)
    state = learner.init(model)
    trained, _, outcome = learned(learner, model, state, problem, CRITERION, 1)
    assert np.isnan(outcome.loss)
    assert not outcome.solved
    assert identical(named_arrays(trained), named_arrays(model))
