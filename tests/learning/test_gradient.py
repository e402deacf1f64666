"""The gradient learner: what is frozen stays bit by bit, what is free moves as declared."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from learning_helpers import FAMILY, INTRINSIC, WEIGHTS, learner_of, network, only, rates_of, update, updates
from metaplast.learning import FiveTermLoss, GradientLearner
from metaplast.params import declarations, named_arrays, places

NEURON = "network.populations.recurrent.neuron."


@eqx.filter_jit
def respond(model, inputs):
    return model.respond(inputs, jax.random.key(0))


@pytest.fixture(scope="module")
def problem():
    return FAMILY.sample(jax.random.key(1))


@pytest.fixture(scope="module")
def woken(problem):
    """A network whose readout is not zero, so that gradients flow back from the first update on."""
    model = network()
    weight = 0.3 * jax.random.normal(jax.random.key(4), model.weights().output.shape)
    model = eqx.tree_at(lambda m: m.network.projections["readout"].weight, model, weight)
    response = respond(model, problem.trials(jax.random.key(0), 4).inputs)
    assert 0.02 < float(response.activity.mean()) < 0.9
    return model


def sole(model, *patterns: str, rate: float) -> GradientLearner:
    return GradientLearner(only(model, *patterns, rate=rate), FiveTermLoss())


def after(learner: GradientLearner, model, problem, count: int = 3):
    state = learner.begin(model, learner.init(model))
    model, state, metrics = updates(learner, model, state, problem, count)
    return named_arrays(model), state, metrics


@pytest.mark.parametrize("how", ["no rate", "rate zero"])
def test_what_is_not_free_stays_bit_by_bit(woken, problem, how):
    if how == "no rate":
        rates = rates_of(woken, *WEIGHTS)
    else:
        rates = only(woken, *WEIGHTS)
        assert float(rates.network.populations["recurrent"].neuron.tau_soma) == 0.0
    before = named_arrays(woken)
    found, _, _ = after(GradientLearner(rates, FiveTermLoss()), woken, problem)
    for name, leaf in before.items():
        same = np.asarray(leaf).tobytes() == np.asarray(found[name]).tobytes()
        assert same == name.startswith(NEURON), name


def test_a_rate_of_zero_learns_like_no_rate_at_all(woken, problem):
    both = rates_of(woken, *WEIGHTS), only(woken, *WEIGHTS)
    absent, zeroed = (after(GradientLearner(rates, FiveTermLoss()), woken, problem)[0] for rates in both)
    for name, leaf in absent.items():
        np.testing.assert_allclose(leaf, zeroed[name], rtol=1e-6, atol=1e-6, err_msg=name)


SLICED = ("*.threshold[:8]", "*.tau_soma[::2]", "*recurrent.weight[-5:]", "*.recurrent.bias[3:4]")
"""Parts of 24 neurons: on a linear and on a logarithmic scale, of one axis and of several."""


def test_neurons_outside_a_slice_stay_bit_by_bit_and_those_inside_learn(woken, problem):
    learner = learner_of(woken, "*readout.weight", *SLICED)
    found, _, _ = after(learner, woken, problem)
    for name, named in places(woken, SLICED).items():
        before = np.asarray(named_arrays(woken)[name])
        assert 0 < named.sum() < 24
        assert np.asarray(found[name])[..., ~named].tobytes() == before[..., ~named].tobytes(), name
        moved = np.asarray(found[name])[..., named] != before[..., named]
        assert moved.mean() > 0.3, name
    frozen = set(named_arrays(woken)) - set(places(woken, ("*readout.weight", *SLICED)))
    assert frozen
    for name in frozen:
        assert np.asarray(found[name]).tobytes() == np.asarray(named_arrays(woken)[name]).tobytes(), name


def test_slices_that_make_up_the_whole_learn_like_the_whole(woken, problem):
    parts = (*WEIGHTS, "*.threshold[:8]", "*.threshold[8:]", "*.tau_soma[::2]", "*.tau_soma[1::2]")
    whole = (*WEIGHTS, "*.threshold", "*.tau_soma")
    ours, theirs = (after(learner_of(woken, *patterns), woken, problem)[0] for patterns in (parts, whole))
    for name, leaf in theirs.items():
        np.testing.assert_allclose(ours[name], leaf, rtol=1e-6, atol=1e-6, err_msg=name)


def test_every_freed_parameter_has_a_gradient(woken, problem):
    """By cell: at least a third of the entries of every leaf of a network that spikes."""
    learner = learner_of(woken, "*")
    trials = problem.trials(jax.random.key(3), 8)

    @eqx.filter_jit
    @eqx.filter_grad
    def gradient(model):
        response = model.respond(trials.inputs, jax.random.key(0))
        return learner.loss(model, response, trials, learner.loss.init(woken))[0]

    for name, leaf in named_arrays(gradient(woken)).items():
        assert np.isfinite(leaf).all(), name
        assert (np.asarray(leaf) != 0).mean() > 1 / 3, name


def test_first_update_is_a_step_of_adam_in_the_declared_coordinate(woken, problem):
    """Adam's first step is rate * sign(gradient): additive for a weight, a factor exp(+-rate) for a time constant."""
    rate = 0.01
    before = named_arrays(woken)
    found, _, _ = after(sole(woken, *WEIGHTS, *INTRINSIC, rate=rate), woken, problem, 1)
    logarithmic = {name for name, declared in declarations(woken).items() if declared.logarithmic}
    assert logarithmic == {NEURON + "tau_dendrite", NEURON + "tau_soma"}
    for name in [*logarithmic, NEURON + "threshold", "network.projections.readout.weight"]:
        old, new = np.asarray(before[name], np.float64), np.asarray(found[name], np.float64)
        moved = np.abs(np.log(new / old) if name in logarithmic else new - old)
        typical = np.median(moved[moved > 0])
        np.testing.assert_allclose(typical, rate, rtol=0.02, err_msg=name)
        assert moved.max() < rate * 1.02, name


def test_time_constants_of_all_sizes_move_by_the_same_factor(woken, problem):
    tau = np.geomspace(10.0, 1000.0, 24).astype(np.float32)
    model = eqx.tree_at(lambda m: m.network.populations["recurrent"].neuron.tau_soma, woken, jnp.asarray(tau))
    found, _, _ = after(sole(model, "*.tau_soma", rate=0.02), model, problem, 1)
    factors = np.abs(np.log(np.asarray(found[NEURON + "tau_soma"]) / tau))
    assert factors.max() < 0.0205
    assert ((factors > 0.019).mean()) > 0.5


def test_bounds_hold_after_every_update(woken, problem):
    """A rate so high that the first update would leave every bound."""
    found, _, _ = after(sole(woken, *INTRINSIC, rate=50.0), woken, problem, 2)
    reached = 0
    for name, declared in declarations(woken).items():
        value = np.asarray(found[name])
        assert declared.low is None or value.min() >= np.float32(declared.low), name
        assert declared.high is None or value.max() <= np.float32(declared.high), name
        reached += declared.low is not None and (value == np.float32(declared.low)).sum()
    assert reached > 0


def moments(state) -> np.ndarray:
    return np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(state.optimiser)])


def test_optimiser_starts_afresh_at_a_problem_unless_told_otherwise(woken, problem):
    _, state, _ = after(learner_of(woken), woken, problem, 2)
    for reset in (True, False):
        learner = learner_of(woken, reset=reset)
        begun = learner.begin(woken, state)
        assert np.abs(moments(state)).max() > 0
        assert np.array_equal(moments(begun), 0 * moments(state) if reset else moments(state))
        assert int(begun.loss.problems) == 2


def test_one_program_serves_all_problems_and_all_allocations(woken):
    traces = []

    @eqx.filter_jit
    def step(rates, model, state, problem, key):
        traces.append(1)
        learner = GradientLearner(rates, FiveTermLoss())
        return learner.step(model, learner.begin(model, state), problem.trials(key, 4), key)

    for place in range(4):
        rates = only(woken, *WEIGHTS, *INTRINSIC[:place])
        if place == 0:
            model, state = woken, GradientLearner(rates, FiveTermLoss()).init(woken)
        problem = FAMILY.sample(jax.random.key(place))
        model, state, _ = step(rates, model, state, problem, jax.random.key(place))
    assert len(traces) == 1


def test_metrics_are_those_before_the_update(woken, problem):
    learner = sole(woken, *WEIGHTS, rate=0.1)
    state = learner.begin(woken, learner.init(woken))
    trials = problem.trials(jax.random.key(3), 4)
    _, _, metrics = update(learner, woken, state, problem, jax.random.key(3))
    response = respond(woken, trials.inputs)
    _, (task, _) = learner.loss(woken, response, trials, state.loss)
    np.testing.assert_allclose(metrics.loss, task, rtol=1e-5)
    np.testing.assert_allclose(metrics.activity, response.activity.mean(), rtol=1e-5)
    assert set(np.unique(response.activity)) == {0.0, 1.0}
