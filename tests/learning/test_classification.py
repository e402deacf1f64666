"""Learning to classify: no learner moves what is another's, and all of them learn."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from metaplast.allocation import assignment
from metaplast.learning.by_settling import BySelfBackpropagation
from metaplast.learning.classification import Classification, Examples, fan_out, judged, known, learn_epoch
from metaplast.learning.classifier import Classifier, frozen
from metaplast.learning.parts import ByGradient, cross_entropy, mean_squared
from metaplast.learning.selfbackprop import SelfBackpropagation
from metaplast.learning.shares import change_shares, current_shares
from metaplast.models.layered import Channel, layered, wiring_of
from metaplast.params import named_arrays
from metaplast.plasticity import STDP, HebbianSynapse

BATCH, STEPS = 10, 4
RULES = {
    "s": None,
    "h": lambda pre, post, key: HebbianSynapse(beta=jnp.full(pre, 0.1), eta=jnp.full(post, 0.01), threshold=0.35),
    "b": None,
    "stdp": lambda pre, post, key: STDP(),
}
LAYERS = ("hidden1", "output")
S = ByGradient("s", ("network.projections.*-s.weight", "network.populations.*.bias"), 1e-2)
META = ByGradient("h", ("network.projections.*-h.plasticity.beta", "strength.*-h"), 1e-3)
B = BySelfBackpropagation("b", SelfBackpropagation(), LAYERS)
ASSIGN = ByGradient("assignment", ("assignment.*",), 1e-2)


def model_of(*channels: str) -> Classifier:
    arriving = [Channel(name, 0.0 if name == "h" else 1.0, RULES[name]) for name in channels]
    network = layered(jax.random.key(0), [12, 16, 3], [arriving, arriving])
    strength = {name: jnp.asarray(0.1 if name.endswith("-h") else 1.0) for name in network.projections}
    return Classifier(network, assignment.softmax(wiring_of(network)), strength, STEPS)


@pytest.fixture(scope="module")
def data() -> Examples:
    """Three noisy patterns."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 60)
    patterns = rng.random((3, 12)) > 0.5
    return Examples(
        jnp.asarray(np.clip(patterns[labels] + 0.1 * rng.standard_normal((60, 12)), 0, 1), jnp.float32),
        jnp.asarray(labels, jnp.int32),
    )


def coding(images, key):
    return jnp.broadcast_to(images, (STEPS, *images.shape))


def epochs(learner: Classification, model: Classifier, data: Examples, count: int = 1, first: int = 0, state=None):
    learned = learner.begin(model, BATCH) if state is None else state
    once = eqx.filter_jit(lambda learned, key, epoch: learn_epoch(learner, learned, data, coding, key, epoch, BATCH))
    for epoch in range(first, first + count):
        learned, metrics = once(learned, jax.random.key(epoch), jnp.asarray(float(epoch)))
    return learned, metrics


def changed(before, after) -> set[str]:
    old, new = named_arrays(before), named_arrays(after)
    return {name for name in old if not np.array_equal(old[name], new[name])}


@pytest.mark.parametrize(
    ("part", "own"),
    [
        (
            S,
            {"network.projections.hidden1-s.weight", "network.projections.output-s.weight"}
            | {"network.populations.hidden1.bias", "network.populations.output.bias"},
        ),
        (
            META,
            {f"network.projections.{layer}-h.plasticity.beta" for layer in LAYERS}
            | {f"strength.{layer}-h" for layer in LAYERS},
        ),
        (B, {"network.projections.hidden1-b.weight", "network.projections.output-b.weight"}),
        (ASSIGN, {"assignment.logits.hidden1", "assignment.logits.output"}),
    ],
    ids=["S", "H", "B", "assignment"],
)
def test_a_learner_moves_its_own_and_nothing_else(part, own, data):
    """The relay's bias is no parameter; a rule of plasticity changes its state, never the network."""
    model = model_of("s", "h", "b")
    learned, _ = epochs(Classification((part,), mean_squared), model, data)
    assert changed(model, learned.model) == own


def stepped(learner: Classification, model: Classifier, inputs, labels):
    """What was learned by the first batch."""
    return eqx.filter_jit(learner.step)(learner.begin(model, BATCH), inputs, labels, jnp.asarray(0.0))[0]


def test_learners_side_by_side_do_not_hear_each_other_s_gradient(data):
    """One step of S beside all others is the step that it takes alone in the same network."""
    model = model_of("s", "h", "b")
    inputs, labels = coding(data.images[:BATCH], None), data.labels[:BATCH]
    alone, together = Classification((S,), mean_squared), Classification((S, META, B, ASSIGN), mean_squared)
    after = [stepped(learner, model, inputs, labels).model for learner in (alone, together)]
    for layer in LAYERS:
        one, two = (found.network.projections[f"{layer}-s"].weight for found in after)
        np.testing.assert_allclose(one, two, rtol=1e-5, atol=1e-7)


def one_step(part, model, data):
    """The model after one batch with one learner."""
    learner = Classification((part,), mean_squared)
    return stepped(learner, model, coding(data.images[:BATCH], None), data.labels[:BATCH]).model


@pytest.mark.parametrize("warm", [True, False])
def test_what_b_retains_of_its_weights_is_a_share_of_them(warm, data):
    model, found = model_of("s", "b"), []
    for retain in (1.0, 0.75):
        part = BySelfBackpropagation("b", SelfBackpropagation(), LAYERS, warm, retain=retain)
        found.append(one_step(part, model, data).network.projections)
    for name in ("hidden1-b", "output-b"):
        lost = found[0][name].weight - found[1][name].weight
        np.testing.assert_allclose(lost, 0.25 * model.network.projections[name].weight, atol=1e-6)


def test_each_learner_keeps_its_clock(data):
    slow = ByGradient("s", S.patterns, 1e-2, every=4)
    model = model_of("s")
    learner = Classification((slow,), mean_squared)
    learned, inputs, labels = learner.begin(model, BATCH), coding(data.images[:BATCH], None), data.labels[:BATCH]
    step = eqx.filter_jit(learner.step)
    moved = []
    for _ in range(8):
        before = learned.model
        learned, _ = step(learned, inputs, labels, jnp.asarray(0.0))
        moved.append(bool(changed(before, learned.model)))
    assert moved == [False, False, False, True] * 2


def test_a_rate_that_falls_ends_at_zero(data):
    fading = ByGradient("s", S.patterns, 1e-2, changes=3)
    learner = Classification((fading,), mean_squared)
    learned = learner.begin(model_of("s"), BATCH)
    inputs, labels = coding(data.images[:BATCH], None), data.labels[:BATCH]
    step, moved = eqx.filter_jit(learner.step), []
    for _ in range(5):
        before = learned.model
        learned, _ = step(learned, inputs, labels, jnp.asarray(0.0))
        moved.append(bool(changed(before, learned.model)))
    assert moved == [True, True, True, False, False]


def test_a_rule_remembers_on_its_clock(data):
    model = model_of("s", "h")
    learner = Classification((), mean_squared, {"hidden1-h": 2})
    learned, inputs, labels = learner.begin(model, BATCH), coding(data.images[:BATCH], None), data.labels[:BATCH]
    traces = []
    for _ in range(3):
        learned, _ = learner.step(learned, inputs, labels, jnp.asarray(0.0))
        traces.append([np.abs(learned.memory[f"{layer}-h"].trace).sum() for layer in LAYERS])
    assert [row[0] > 0 for row in traces] == [False, True, True]
    assert traces[1][0] == traces[2][0]
    assert all(row[1] > 0 for row in traces)


@pytest.mark.parametrize(
    ("parts", "channels"),
    [
        ((S,), ("s",)),
        pytest.param((S, META, B, ASSIGN), ("s", "h", "b"), marks=pytest.mark.slow),
        ((B,), ("b",)),
    ],
)
def test_it_learns(parts, channels, data):
    model, learner = model_of(*channels), Classification(parts, mean_squared)
    learned, metrics = epochs(learner, model, data, 12)
    now, key = jnp.asarray(11.0), jax.random.key(0)
    before = known(learner, learner.begin(model, BATCH), data, coding, key, now, BATCH)
    after = known(learner, learned, data, coding, key, now, BATCH)
    assert after.accuracy > max(0.8, before.accuracy)
    assert 0 < after.rates["hidden1"] < 1
    assert np.isfinite(metrics.loss)


@pytest.mark.slow
def test_five_epochs_are_two_and_three(data):
    learner, model = Classification((S, META, B, ASSIGN), cross_entropy), model_of("s", "h", "b")
    whole, _ = epochs(learner, model, data, 3)
    part, _ = epochs(learner, model, data, 1)
    part, _ = epochs(learner, model, data, 2, first=1, state=part)
    assert not changed(whole, part)


def test_what_is_judged_does_not_depend_on_the_batch(data):
    model = model_of("s", "b")
    network = frozen(model.wired(jnp.asarray(0.0)), {})
    found = [judged(model, network, mean_squared, data, coding, jax.random.key(0), size) for size in (7, 60)]
    for one, two in zip(jax.tree.leaves(found[0]), jax.tree.leaves(found[1]), strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-4)


def test_an_input_that_is_held_is_the_same_input_repeated(data):
    model = model_of("s", "h", "b")
    found = []
    for repeats in (1, STEPS):
        learner = Classification((S, META, B, ASSIGN), mean_squared)
        inputs = jnp.broadcast_to(data.images[:BATCH], (repeats, BATCH, 12))
        found.append(stepped(learner, model, inputs, data.labels[:BATCH]))
    for one, two in zip(jax.tree.leaves(found[0].model), jax.tree.leaves(found[1].model), strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-3, atol=1e-5)


def test_spikes_and_operations_are_counted(data):
    model = model_of("s", "b")
    network = frozen(model.wired(jnp.asarray(0.0)), {})
    found = judged(model, network, mean_squared, data, coding, jax.random.key(0), BATCH)
    rates = found.rates
    np.testing.assert_allclose(found.spikes, STEPS * (16 * rates["hidden1"] + 3 * rates["output"]), rtol=1e-4)
    np.testing.assert_allclose(found.operations, 3 * STEPS * 16 * rates["hidden1"], rtol=1e-4)
    np.testing.assert_allclose(found.products, 16 * np.mean(np.sum(np.asarray(data.images) != 0, axis=1)), rtol=1e-4)
    assert float(fan_out(network, "input")) == 16
    spiking = Examples(jnp.round(data.images), data.labels)
    found = judged(model, network, mean_squared, spiking, coding, jax.random.key(0), BATCH)
    arriving = 16 * STEPS * np.mean(np.sum(np.asarray(spiking.images), axis=1))
    np.testing.assert_allclose(found.operations, 3 * STEPS * 16 * found.rates["hidden1"] + arriving, rtol=1e-4)
    assert found.products == 0


def test_frozen_weights_are_those_that_plasticity_has_made(data):
    model = model_of("s", "h", "stdp")
    learned, _ = epochs(Classification((S,), mean_squared), model, data)
    network = frozen(learned.model.wired(jnp.asarray(0.0)), learned.memory)
    assert not any(projection.plastic for projection in network.projections.values())
    trace = learned.memory["hidden1-h"].trace
    assert np.abs(trace).max() > 0
    np.testing.assert_allclose(network.projections["hidden1-h"].weight, trace, rtol=1e-6)
    moved = network.projections["hidden1-stdp"].weight - learned.model.network.projections["hidden1-stdp"].weight
    np.testing.assert_allclose(moved, learned.memory["hidden1-stdp"].change, atol=1e-6)


def test_shares_add_up_and_follow_the_gain(data):
    model = model_of("s", "b")
    wiring, inputs = model.assignment.wiring, coding(data.images[:BATCH], None)
    network = frozen(model.wired(jnp.asarray(0.0)), {})
    louder = eqx.tree_at(lambda net: net.projections["output-b"].gain, network, jnp.asarray(3.0))
    for shares in (current_shares(network, wiring, inputs, STEPS), current_shares(louder, wiring, inputs, STEPS)):
        for channels in shares.values():
            assert sum(float(share) for share in channels.values()) == pytest.approx(1.0, abs=1e-5)
    quiet, loud = (float(current_shares(net, wiring, inputs, STEPS)["output"]["b"]) for net in (network, louder))
    assert loud / (1 - loud) == pytest.approx(3 * quiet / (1 - quiet), rel=1e-4)
    moved = eqx.tree_at(lambda net: net.projections["output-s"].weight, network, replace_fn=lambda w: w + 1.0)
    change = change_shares(network, moved, wiring)
    assert float(change["output"]["s"]) == 1.0
    assert float(change["hidden1"]["s"]) == float(change["hidden1"]["b"]) == 0.0
