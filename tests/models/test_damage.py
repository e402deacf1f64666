"""Damage: nothing at amount 0, and the right amount of what it says."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from metaplast.models.damage import DAMAGES
from metaplast.models.layered import Channel, layered


@pytest.fixture(scope="module")
def network():
    return layered(jax.random.key(0), [40, 50, 10], [[Channel("a"), Channel("b")], [Channel("a"), Channel("b")]])


def weights(network):
    return {name: np.asarray(projection.weight) for name, projection in network.projections.items()}


def damaged(network, kind, amount, key):
    return weights(DAMAGES[kind].change(network, key, jnp.asarray(amount)))


@pytest.mark.parametrize("kind", DAMAGES)
def test_an_amount_of_nothing_changes_nothing(network, kind, key):
    before, after = weights(network), damaged(network, kind, 0.0, key)
    assert all(np.array_equal(before[name], after[name]) for name in before)


def test_noise_is_relative_to_the_weights(network, key):
    before, after = weights(network), damaged(network, "weight-noise", 0.5, key)
    for name in before:
        assert (after[name] - before[name]).std() == pytest.approx(0.5 * before[name].std(), rel=0.1)


@pytest.mark.parametrize(("amount", "values"), [(1.0, 255), (6.0, 7), (7.0, 3)])
def test_few_bits_leave_few_values(network, key, amount, values):
    before, after = weights(network), damaged(network, "quantisation", amount, key)
    for name in before:
        assert len(np.unique(after[name])) <= values
        assert np.abs(after[name]).max() == pytest.approx(np.abs(before[name]).max(), rel=1e-5)
        step = np.abs(before[name]).max() / ((values - 1) / 2)
        assert np.abs(after[name] - before[name]).max() <= 0.501 * step


def test_lost_synapses_are_zero_and_lost_cells_lose_all_they_send(network, key):
    for weight in damaged(network, "lost-synapses", 0.3, key).values():
        assert (weight == 0).mean() == pytest.approx(0.3, abs=0.08)
    after = damaged(network, "lost-cells", 0.3, key)
    silent = (after["output-a"] == 0).all(axis=1)
    assert 5 <= silent.sum() <= 25
    np.testing.assert_array_equal(silent, (after["output-b"] == 0).all(axis=1))
    assert (after["output-a"][~silent] != 0).all()
    assert (after["hidden1-a"] != 0).all()
