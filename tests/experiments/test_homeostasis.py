"""Homeostatic thresholds as part of a condition of a classification experiment."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from classification_helpers import configured, patterns
from metaplast.experiments.classification import data as classification_data
from metaplast.experiments.classification.experiment import build
from metaplast.experiments.classification.session import of_seed
from metaplast.learning.classification import learn_epoch
from metaplast.learning.classifier import traced
from metaplast.learning.thresholds import homeostatic

TARGET = 0.1
HOMEOSTASIS = f"homeostasis={{target={TARGET},rate=0.02}}"
HIDDEN = "network={hidden=[12], steps=5}"
ONE = "training.seeds=1"
NOW = jnp.zeros(())


@pytest.fixture(scope="module", autouse=True)
def without_files():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(classification_data, "load", lambda *_, **__: patterns())
        yield


@pytest.fixture(scope="module")
def grid(without_files, quick_compilation):
    conditions = {
        "S": 'channels=["stbp"]',
        "S homeostasis": f'channels=["stbp"],{HOMEOSTASIS}',
        "fixed": f'channels=["random"],readout=["stbp"],{HOMEOSTASIS}',
    }
    table = ",".join(f'"{name}"={{{what}}}' for name, what in conditions.items())
    return build(configured(f"conditions={{{table}}}", HIDDEN, ONE))


@pytest.fixture(scope="module")
def learned(grid):
    """By condition."""
    return {group.condition: learned_by(grid, group, 24) for group in grid.groups}


def learned_by(grid, group, epochs: int):
    data = grid.data
    epoch = eqx.filter_jit(
        lambda learned, key: learn_epoch(group.learner, learned, data.train, data.encode_train, key, NOW, 10)[0]
    )
    learned = of_seed(group.start, 0)
    for key in jax.random.split(jax.random.key(0), epochs):
        learned = epoch(learned, key)
    return learned


def rates_of(grid, learned) -> np.ndarray:
    """Spikes a step of every hidden cell of the network as it is tested, mean over the training examples."""
    inputs = grid.data.encode_test(grid.data.train.images, jax.random.key(1))
    network = learned.model.at_test(NOW, learned.memory)
    return np.asarray(eqx.filter_jit(traced)(network, inputs, 5).sent["hidden1"].mean(axis=(0, 1)))


def test_every_cell_comes_to_its_target_where_weights_stay(grid, learned):
    start = next(group.start for group in grid.groups if group.condition == "fixed")
    before = np.abs(rates_of(grid, of_seed(start, 0)) - TARGET)
    after = np.abs(rates_of(grid, learned["fixed"]) - TARGET)
    assert before.max() > 0.3
    assert after.max() < 0.15  # four patterns: a rate comes in steps, between which a threshold goes back and forth
    assert after.mean() < 0.04


def test_the_rate_is_kept_down_against_what_the_gradient_does(grid, learned):
    free, kept = (rates_of(grid, learned[name]).mean() for name in ("S", "S homeostasis"))
    assert TARGET / 2 < kept < free - 0.05
    assert not homeostatic(learned["S"].model.network)


def test_a_tested_network_holds_its_thresholds(learned):
    learned = learned["S homeostasis"]
    network = learned.model.at_test(NOW, learned.memory)
    assert not homeostatic(network)
    threshold = network.populations["hidden1"].neuron.threshold
    assert threshold.shape == (12,)
    np.testing.assert_allclose(threshold, 0.35 + learned.memory["hidden1"].offset[0], rtol=1e-6)
    assert np.std(threshold) > 1e-3


@pytest.mark.parametrize("testing", [False, True])
def test_a_cell_fires_where_its_margin_is_positive(grid, learned, testing):
    """E-prop reads these margins: threshold and offset of the step, or of a tested network the threshold it has."""
    learned = learned["S homeostasis"]
    network = learned.model.at_test(NOW, learned.memory) if testing else learned.model.wired(NOW)
    inputs = grid.data.encode_test(grid.data.test.images[:6], jax.random.key(0))
    answer = eqx.filter_jit(lambda: learned.model.answer(network, inputs, learned.memory, margins=True))()
    sent, margins = answer.trace.sent["hidden1"], answer.trace.margins["hidden1"]
    assert 0 < sent.mean() < 1
    np.testing.assert_array_equal(margins > 0, sent > 0)
