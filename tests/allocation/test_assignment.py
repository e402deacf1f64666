"""Assignment policies: what they give, and what they can learn."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from metaplast.allocation import assignment
from metaplast.models.layered import Wiring

WIRING = (Wiring("hidden1", ("a", "b", "c"), (5,)), Wiring("output", ("a", "b"), (2,)))
NOW = jnp.asarray(0.0)
POLICIES = {
    "equal": lambda: assignment.equal(WIRING),
    "fixed": lambda: assignment.fixed(WIRING, {"a": 2.0, "output": {"b": 3.0}}),
    "softmax": lambda: assignment.softmax(WIRING),
    "free": lambda: assignment.free(WIRING),
    "per-neuron": lambda: assignment.per_neuron(WIRING),
    "scheduled": lambda: assignment.scheduled(WIRING, {"a": 1.0}, {"a": 3.0}, 4),
}


@pytest.mark.parametrize("name", POLICIES)
def test_every_policy_has_a_gain_for_every_channel_of_every_layer(name):
    gains = POLICIES[name]().gains(NOW)
    assert {layer: tuple(channels) for layer, channels in gains.items()} == {w.layer: w.channels for w in WIRING}
    for layer in WIRING:
        for gain in gains[layer.layer].values():
            assert gain.shape == (layer.cells if name == "per-neuron" else ())
            assert np.isfinite(gain).all()


@pytest.mark.parametrize("name", ["equal", "softmax", "free", "per-neuron"])
def test_what_may_learn_starts_equal(name):
    for channels in POLICIES[name]().gains(NOW).values():
        for gain in channels.values():
            np.testing.assert_allclose(gain, 1.0, rtol=1e-6)


@pytest.mark.parametrize("name", ["softmax", "per-neuron"])
def test_a_budget_stays_what_it_is(name, key):
    policy = POLICIES[name]()
    moved = jax.tree.map(lambda leaf: leaf + jax.random.normal(key, leaf.shape), policy)
    for channels in moved.gains(NOW).values():
        np.testing.assert_allclose(sum(channels.values()), len(channels), rtol=1e-5)
        assert len({round(float(jnp.ravel(gain)[0]), 5) for gain in channels.values()}) == len(channels)


def test_fixed_gains_are_said_for_all_layers_or_for_one():
    gains = POLICIES["fixed"]().gains(NOW)
    assert {k: float(v) for k, v in gains["hidden1"].items()} == {"a": 2.0, "b": 1.0, "c": 1.0}
    assert {k: float(v) for k, v in gains["output"].items()} == {"a": 2.0, "b": 3.0}


@pytest.mark.parametrize(("epoch", "gain"), [(0, 1.0), (1, 1.5), (4, 3.0), (9, 3.0)])
def test_a_schedule_goes_in_a_straight_line(epoch, gain):
    gains = POLICIES["scheduled"]().gains(jnp.asarray(float(epoch)))
    assert float(gains["hidden1"]["a"]) == pytest.approx(gain)
    assert float(gains["hidden1"]["b"]) == pytest.approx(1.0)


@pytest.mark.parametrize("name", POLICIES)
def test_learned_policies_have_a_gradient_and_the_others_are_not_called_learned(name):
    policy = POLICIES[name]()
    total = lambda p: sum((g**2).sum() for c in p.gains(NOW).values() for g in [jnp.stack([*c.values()])[0]])  # noqa: E731
    gradient = jax.grad(total)(policy)
    moved = any(jnp.abs(leaf).max() > 0 for leaf in jax.tree.leaves(gradient))
    assert moved or not policy.learned
    assert policy.learned == (name in ("softmax", "free", "per-neuron"))


@pytest.mark.parametrize("values", [{"d": 1.0}, {"hidden2": {"a": 1.0}}, {"output": {"d": 1.0}}])
def test_gains_of_what_there_is_not_are_refused(values):
    with pytest.raises(ValueError, match="there is none of this name; there are"):
        assignment.fixed(WIRING, values)


def test_the_mean_gain_of_a_layer_is_as_given_however_it_is_shared_out():
    policy = assignment.softmax(WIRING, 0.5)
    np.testing.assert_allclose([*policy.gains(NOW)["hidden1"].values()], 0.5, rtol=1e-6)
    policy = eqx.tree_at(lambda p: p.logits["hidden1"], policy, jnp.array([1.0, -2.0, 0.5]))
    gains = [float(gain) for gain in policy.gains(NOW)["hidden1"].values()]
    np.testing.assert_allclose(np.mean(gains), 0.5, rtol=1e-6)
    assert max(gains) > 0.9  # far from equal, and still the same mean
