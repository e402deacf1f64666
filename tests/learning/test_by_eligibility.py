"""e-prop as the learner of a channel: where it is exact it is the gradient, and it moves nothing of another."""

from dataclasses import replace

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from metaplast.allocation import assignment
from metaplast.learning.by_eligibility import ByEprop
from metaplast.learning.classification import Classification, Learned
from metaplast.learning.classifier import Classifier
from metaplast.learning.parts import ByGradient, Experience, mean_squared
from metaplast.models.layered import Channel, layered, wiring_of
from metaplast.params import named_arrays
from metaplast.plasticity import HebbianSynapse

BATCH, STEPS, LAYERS = 10, 5, ("hidden1", "output")
E = ByEprop("e", LAYERS, mean_squared, rate=1e-2, biases=LAYERS)
S = ByGradient("s", ("network.projections.*-s.weight",), 1e-2)
NOW = jnp.zeros(())


def hebbian(pre, post, key):
    return HebbianSynapse(beta=jnp.full(pre, 0.1), eta=jnp.full(post, 0.01), threshold=0.35)


def model_of(*channels: str, sizes=(12, 16, 3), steps: int = STEPS) -> Classifier:
    arriving = [Channel(name, 1.0, hebbian if name == "h" else None) for name in channels]
    network = layered(jax.random.key(0), sizes, [arriving] * (len(sizes) - 1))
    strength = {name: jnp.asarray(0.7) for name in network.projections}
    return Classifier(network, assignment.softmax(wiring_of(network)), strength, steps)


def without_gradient_of_resets(model: Classifier) -> Classifier:
    populations = {
        name: replace(one, neuron=replace(one.neuron, reset=lambda v, s, theta: jax.lax.stop_gradient(s * theta)))
        if name in LAYERS
        else one
        for name, one in model.network.populations.items()
    }
    return eqx.tree_at(lambda m: m.network.populations, model, populations, is_leaf=lambda x: isinstance(x, dict))


@pytest.fixture(scope="module")
def batch():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, BATCH)
    images = np.clip((rng.random((3, 12)) > 0.5)[labels] + 0.1 * rng.standard_normal((BATCH, 12)), 0, 1)
    return jnp.asarray(images[None], jnp.float32), jnp.asarray(labels, jnp.int32)


def estimated(part: ByEprop, model: Classifier, batch) -> list[np.ndarray]:
    """What e-prop takes for the gradient."""
    answer = model.answer(model.wired(NOW), batch[0], {}, margins=True)
    experience = Experience(*batch, answer, None, model.wired(NOW))
    return part.gradient(model, part.init(model, jax.random.key(1)), experience)


@pytest.mark.parametrize("channels", ["e", "es"], ids=["alone", "beside S"])
def test_it_is_the_gradient_where_only_resets_are_left_out_and_these_have_none(channels, batch):
    model = without_gradient_of_resets(model_of(*channels))
    where = lambda m: (  # noqa: E731
        [m.network.projections[f"{layer}-e"].weight for layer in LAYERS]
        + [m.network.populations[layer].bias for layer in LAYERS]
    )

    @eqx.filter_jit
    @eqx.filter_grad
    def exact(own, model):
        model = eqx.tree_at(where, model, own)
        return mean_squared(model.answer(model.wired(NOW), batch[0], {}).scores, batch[1])

    answer = model.answer(model.wired(NOW), batch[0], {})
    assert 0.02 < float(answer.rates["hidden1"].mean()) < 0.98
    for ours, theirs in zip(eqx.filter_jit(estimated)(E, model, batch), exact(where(model), model), strict=True):
        assert np.abs(theirs).max() > 1e-4
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-7)


def test_with_resets_it_still_points_where_the_gradient_does(batch):
    model = model_of("e")
    ours = eqx.filter_jit(estimated)(E, model, batch)[0]

    @jax.grad
    def exact(weight):
        candidate = eqx.tree_at(lambda m: m.network.projections["hidden1-e"].weight, model, weight)
        return mean_squared(candidate.answer(candidate.wired(NOW), batch[0], {}).scores, batch[1])

    theirs = jax.jit(exact)(model.network.projections["hidden1-e"].weight)
    assert not np.allclose(ours, theirs, rtol=1e-2)
    assert np.sum(ours * theirs) / np.linalg.norm(ours) / np.linalg.norm(theirs) > 0.5


def test_a_mean_over_the_batch(batch):
    """The same examples twice are worth as much as once."""
    model, twice = model_of("e"), (jnp.concatenate([batch[0]] * 2, 1), jnp.concatenate([batch[1]] * 2))
    for once, double in zip(
        *(eqx.filter_jit(estimated)(E, model, examples) for examples in (batch, twice)), strict=True
    ):
        np.testing.assert_allclose(once, double, rtol=1e-4, atol=1e-7)


def stepped(parts, model: Classifier, batch) -> Learned:
    learner = Classification(parts, mean_squared)
    return eqx.filter_jit(learner.step)(learner.begin(model, BATCH), *batch, NOW)[0]


@pytest.mark.parametrize("feedback", ["symmetric", "random"])
def test_it_moves_its_own_and_nothing_else(feedback, batch):
    model = model_of("e", "s", "h")
    after = named_arrays(stepped((replace(E, feedback=feedback, biases=("output",)),), model, batch).model)
    before = named_arrays(model)
    assert {name for name in before if not np.array_equal(before[name], after[name])} == {
        *(f"network.projections.{layer}-e.weight" for layer in LAYERS),
        "network.populations.output.bias",
    }


def test_neither_learner_hears_the_other(batch):
    """One step of both is the step of each alone, in the same network."""
    model = model_of("e", "s", "h")
    both, one, other = (stepped(parts, model, batch).model.network for parts in ((E, S), (E,), (S,)))
    for layer in LAYERS:
        for name, alone in ((f"{layer}-e", one), (f"{layer}-s", other)):
            np.testing.assert_allclose(
                both.projections[name].weight, alone.projections[name].weight, rtol=1e-5, atol=1e-7
            )


def test_random_feedback_is_drawn_by_seed_and_never_learns(batch):
    part, model = replace(E, feedback="random"), model_of("e")
    one, again, other = (part.init(model, jax.random.key(seed)).feedback["hidden1"] for seed in (0, 0, 1))
    assert one.shape == (3, 16)
    np.testing.assert_array_equal(one, again)
    assert not np.array_equal(one, other)
    after = stepped((part,), model, batch).parts["e"].feedback["hidden1"]
    np.testing.assert_array_equal(after, one)


@pytest.mark.parametrize("feedback", ["symmetric", "random"])
def test_two_hidden_layers_learn_and_an_absent_one_has_no_weights(feedback, batch):
    layers = ("hidden1", "hidden2", "output")
    part = ByEprop("e", layers, mean_squared, feedback, 1e-2, absent=("hidden2",))
    model = model_of("e", "s", sizes=(12, 16, 14, 3))
    after = stepped((part,), model, batch).model.network.projections
    for layer in layers:
        moved = np.abs(after[f"{layer}-e"].weight - model.network.projections[f"{layer}-e"].weight).max()
        assert (moved > 0) == (layer != "hidden2")


def test_cells_with_several_time_constants_are_refused():
    model = model_of("e")
    model = eqx.tree_at(lambda m: m.network.populations["hidden1"].neuron.tau, model, jnp.ones(16))
    with pytest.raises(ValueError, match="one time constant for all cells of hidden1"):
        E.init(model, jax.random.key(0))
