"""Losses and criteria against plain numpy."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from learning_helpers import FAMILY, INTRINSIC, WEIGHTS, learner_of, network, updates
from metaplast.learning import Criterion, FiveTermLoss, Metrics
from metaplast.learning.losses import accuracy, cross_entropy
from metaplast.models import Model, Response
from metaplast.tasks import Trial

TIME, BATCH, OUTPUTS = 7, 5, 3


@pytest.fixture
def output() -> np.ndarray:
    return np.random.default_rng(0).normal(0, 2, (TIME, BATCH, OUTPUTS)).astype(np.float32)


@pytest.fixture
def trials() -> Trial:
    """Two steps of decision after a masked one; the target before is 2."""
    target = np.full((TIME, BATCH), 2)
    target[4:] = [0, 1, 1, 0, 1]
    mask = np.ones((TIME, BATCH), np.float32)
    mask[4] = 0
    decision = np.zeros((TIME, BATCH), np.float32)
    decision[5:] = 1
    return Trial(jnp.zeros((TIME, BATCH, 2)), jnp.asarray(target), jnp.asarray(mask), jnp.asarray(decision))


def test_cross_entropy_is_the_masked_mean_of_minus_log_probability(output, trials):
    probability = np.exp(output) / np.exp(output).sum(-1, keepdims=True)
    total, count = 0.0, 0
    for step, example in np.ndindex(TIME, BATCH):
        if step != 4:
            total -= np.log(probability[step, example, int(trials.target[step, example])])
            count += 1
    assert count == 30
    np.testing.assert_allclose(cross_entropy(output, trials), total / count, rtol=1e-5)


def test_cross_entropy_survives_large_logits_and_ignores_masked_steps(output, trials):
    changed = output.copy()
    changed[4] = 1e4
    np.testing.assert_array_equal(cross_entropy(changed, trials), cross_entropy(output, trials))
    assert np.isfinite(cross_entropy(output * 1e4, trials))


def test_accuracy_judges_the_mean_output_of_the_decision(trials):
    output = np.zeros((TIME, BATCH, OUTPUTS), np.float32)
    output[:5, :, 2] = 9.0  # nothing before the decision counts
    output[5, :, 1], output[6, :, 1] = 3.0, -1.0  # on average 1 for response 1 ...
    output[5:, 3, 0] = 2.0  # ... which example 3 tops with response 0
    # Wanted: 0 1 1 0 1; given: 1 1 1 0 1.
    np.testing.assert_allclose(accuracy(output, trials), 0.8)
    output[6, 4, 1] = -4.0  # the last step turns example 4
    np.testing.assert_allclose(accuracy(output, trials), 0.6)


def test_accuracy_is_that_of_a_plain_loop(trials):
    for seed in range(5):
        output = np.random.default_rng(seed).normal(size=(TIME, BATCH, OUTPUTS)).astype(np.float32)
        right = [output[5:, place].mean(0).argmax() == trials.target[6, place] for place in range(BATCH)]
        np.testing.assert_allclose(accuracy(output, trials), np.mean(right), rtol=1e-6)


def direct(model: Model, response: Response, trials: Trial, homeostatic: float) -> tuple[float, np.ndarray]:
    """Goudar's loss by its definition, and the leading squared singular values."""
    weights = [np.asarray(weight, np.float64) for weight in model.weights()]
    recurrent = weights[1].reshape(weights[1].shape[0], -1)
    leading = np.linalg.svd(recurrent, compute_uv=False)[:10] ** 2
    square = np.mean(np.asarray(response.hidden, np.float64) ** 2)
    prices = [1e-4 * np.mean(weights[0] ** 2), 1e-3 * leading.mean(), 0.1 * np.mean(weights[2] ** 2)]
    return float(cross_entropy(response.output, trials)) + 5e-4 * abs(square - homeostatic) + sum(prices), leading


@pytest.fixture(scope="module", params=[1, 2], ids=["one branch", "two branches"])
def learned(request, quick_compilation):
    """A model before and after 40 updates of everything, with the learner's state and a batch of trials."""
    model = network(branches=request.param)
    # Unequal singular values, since those of an orthogonal matrix are all one.
    projection = model.network.projections["recurrent"]
    shape = projection.weight.shape
    weight = projection.connection.existing(jax.random.normal(jax.random.key(9), shape) / np.sqrt(shape[0]))
    model = eqx.tree_at(lambda m: m.network.projections["recurrent"].weight, model, weight)
    learner = learner_of(model, *WEIGHTS, *INTRINSIC, rate=1e-3)
    problem = FAMILY.sample(jax.random.key(1))
    state = learner.begin(model, learner.init(model))
    after, later, _ = updates(learner, model, state, problem, 40)
    return (model, state.loss), (after, later.loss), problem.trials(jax.random.key(3), 4), learner.loss


@eqx.filter_jit
def respond(model: Model, trials: Trial) -> Response:
    return model.respond(trials.inputs, jax.random.key(0))


def test_five_terms_are_exact_at_first(learned):
    (model, state), _, trials, loss = learned
    response = respond(model, trials)
    for target in (0.0, 0.7):
        total, (task, _) = loss(model, response, trials, state._replace(target=jnp.asarray(target)))
        np.testing.assert_allclose(total, direct(model, response, trials, target)[0], rtol=1e-5)
        np.testing.assert_array_equal(task, cross_entropy(response.output, trials))


def test_synapses_that_do_not_exist_stay_zero_and_cost_nothing(learned):
    (before, _), (after, _), _, _ = learned
    for model in (before, after):
        projection = model.network.projections["recurrent"]
        np.testing.assert_array_equal(projection.weight, projection.connection.existing(projection.weight))
        assert model.weights().recurrent.shape == (projection.weight.shape[0], projection.weight.shape[2])


def test_each_price_alone_is_exact_at_first(learned):
    (model, state), _, trials, _ = learned
    response = respond(model, trials)
    leading = direct(model, response, trials, 0.0)[1].mean()
    weights = [float(jnp.mean(jnp.square(weight))) for weight in model.weights()]
    expected = {"input_price": weights[0], "recurrent_price": leading, "output_price": weights[2]}
    for name, value in expected.items():
        prices = dict.fromkeys(("homeostasis", *expected), 0.0) | {name: 1.0}
        total, (task, _) = FiveTermLoss(**prices)(model, response, trials, state)
        np.testing.assert_allclose(total - task, value, rtol=1e-4, atol=1e-6)


def test_tracked_singular_values_follow_the_exact_ones_from_below_while_the_weight_learns(learned):
    (before, _), (after, state), trials, _ = learned
    moved = np.abs(np.asarray(after.weights().recurrent - before.weights().recurrent))
    assert moved.max() > 0.01, "the weight hardly moved, so tracking it proves nothing"
    loss = FiveTermLoss(homeostasis=0.0, input_price=0.0, recurrent_price=1.0, output_price=0.0)
    response = respond(after, trials)
    total, (task, _) = loss(after, response, trials, state)
    exact = direct(after, response, trials, 0.0)[1].mean()
    assert 0.9 * exact < total - task < 1.0001 * exact
    np.testing.assert_allclose(state.directions.T @ state.directions, np.eye(10), atol=1e-5)


def test_gradient_of_the_recurrent_price_is_that_of_the_singular_values():
    """d/dW of the mean of the k leading squared values is 2/k times the projection of W on its leading subspace."""
    model = network()
    weight = np.random.default_rng(1).normal(size=(24, 1, 24)).astype(np.float32)
    model = eqx.tree_at(lambda m: m.network.projections["recurrent"].weight, model, jnp.asarray(weight))
    loss = FiveTermLoss(homeostasis=0.0, input_price=0.0, recurrent_price=1.0, output_price=0.0)
    state = loss.init(model)
    trials = FAMILY.sample(jax.random.key(1)).trials(jax.random.key(3), 2)
    response = Response(*(jnp.zeros((*trials.target.shape, size)) for size in (3, 24, 24)))
    gradient = eqx.filter_grad(lambda m: loss(m, response, trials, state)[0])(model).weights().recurrent
    left, values, right = np.linalg.svd(weight[:, 0])
    expected = 2 / 10 * (left[:, :10] * values[:10]) @ right[:10]
    np.testing.assert_allclose(gradient, expected, atol=1e-4)


def test_homeostatic_target_is_zero_in_the_first_problem_and_then_its_mean_activity(learned):
    (_, start), (_, end), _, loss = learned
    assert (float(start.target), int(start.problems)) == (0.0, 1)
    recent = np.asarray(end.recent)
    assert np.isnan(recent[:10]).all()
    assert (recent[10:] > 0).all()
    second = loss.begin(end)
    np.testing.assert_allclose(second.target, recent[10:].mean(), rtol=1e-5)
    third = loss.begin(second._replace(recent=jnp.full(50, 123.0)))
    assert float(third.target) == float(second.target)
    fixed = FiveTermLoss(activity_target=0.3)
    assert float(fixed.begin(end._replace(target=jnp.asarray(0.3))).target) == np.float32(0.3)
    assert float(fixed.init(network()).target) == np.float32(0.3)


def judge(criterion: Criterion, losses: list[float], accuracies: list[float] | None = None) -> list[bool]:
    state, verdicts = criterion.init(), []
    for loss, right in zip(losses, accuracies or [1.0] * len(losses), strict=True):
        state = criterion.update(state, Metrics(jnp.asarray(loss), jnp.asarray(right), jnp.asarray(0.0)))
        verdicts.append(bool(criterion.reached(state)))
    return verdicts


def test_criterion_waits_for_a_full_window_and_takes_its_mean():
    criterion = Criterion(loss_below=0.1, window=3)
    assert judge(criterion, [0.0, 0.0, 0.0]) == [False, False, True]
    assert judge(criterion, [0.27, 0.01, 0.01]) == [False, False, True]
    assert judge(criterion, [0.31, 0.0, 0.0, 0.0]) == [False, False, False, True]


def test_criterion_needs_every_bound_that_is_set():
    both = Criterion(loss_below=0.1, accuracy_above=0.9, window=1)
    assert judge(both, [0.05, 0.05, 0.2], [0.95, 0.8, 0.95]) == [True, False, False]
    accurate = Criterion(accuracy_above=0.9, window=2)
    assert judge(accurate, [9.0] * 4, [1.0, 0.7, 0.9, 1.0]) == [False, False, False, True]


def test_a_loss_that_is_no_number_breaks_and_never_reaches():
    criterion = Criterion(loss_below=0.1, window=2)
    state = criterion.init()
    assert not criterion.broken(state)
    state = criterion.update(state, Metrics(jnp.asarray(jnp.nan), jnp.asarray(0.0), jnp.asarray(0.0)))
    assert criterion.broken(state)
    assert not criterion.reached(state)


def test_a_criterion_without_bounds_or_window_is_refused():
    with pytest.raises(ValueError, match="criterion has no bound"):
        Criterion()
    with pytest.raises(ValueError, match=r"criterion\.window is 0"):
        Criterion(loss_below=0.1, window=0)
