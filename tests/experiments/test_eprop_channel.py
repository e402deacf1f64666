"""e-prop as a channel of a classification experiment."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from classification_helpers import configured, patterns
from metaplast.experiments.classification import data as classification_data
from metaplast.experiments.classification.experiment import build
from metaplast.experiments.classification.session import of_seed
from metaplast.learning.by_eligibility import ByEprop
from metaplast.learning.classification import known, learn_epoch
from metaplast.learning.parts import ByGradient

CHANNEL = 'channels.trace={learner="e-prop",rate=0.01,feedback="%s"}'


@pytest.fixture(autouse=True)
def without_files(monkeypatch):
    monkeypatch.setattr(classification_data, "load", lambda *_, **__: patterns())


def grid_of(channels: str, feedback: str = "symmetric"):
    condition = f"conditions={{one={{channels={channels}}}}}"
    return build(configured(CHANNEL % feedback, condition, "network.hidden=[16]"))


def accuracy(grid, epochs: int = 8) -> tuple[float, float]:
    """Before and after learning."""
    group, data, key = grid.groups[0], grid.data, jax.random.key(0)
    learned, now = of_seed(group.start, 0), jnp.zeros(())
    epoch = eqx.filter_jit(
        lambda learned, key: learn_epoch(group.learner, learned, data.train, data.encode_train, key, now, 10)[0]
    )
    judge = eqx.filter_jit(
        lambda learned: known(group.learner, learned, data.test, data.encode_test, key, now, 10).accuracy
    )
    before = float(judge(learned))
    for one in jax.random.split(key, epochs):
        learned = epoch(learned, one)
    return before, float(judge(learned))


@pytest.mark.parametrize(
    ("feedback", "reached"), [("symmetric", 0.85), pytest.param("random", 0.5, marks=pytest.mark.slow)]
)
def test_alone_it_learns_far_beyond_chance(feedback, reached):
    """Four classes; random feedback is slower."""
    before, after = accuracy(grid_of('["trace"]', feedback))
    assert before < 0.45
    assert after > reached


def test_biases_are_those_of_the_gradient_where_there_is_one():
    for channels, owned in (('["trace"]', {"hidden1", "output"}), ('["stbp", "trace", "sbp"]', set())):
        parts = {part.name: part for part in grid_of(channels).groups[0].learner.parts}
        assert isinstance(parts["trace"], ByEprop)
        assert set(parts["trace"].biases) == owned
    parts = {part.name: part for part in grid_of('["trace", "sbp"]').groups[0].learner.parts}
    assert set(parts["trace"].biases) == {"hidden1", "output"}
    assert not parts["sbp"].biases
    assert not any(isinstance(part, ByGradient) for part in parts.values())


def test_seeds_have_feedback_of_their_own():
    drawn = grid_of('["trace"]', "random").groups[0].start.parts["trace"].feedback["hidden1"]
    assert drawn.shape == (2, 4, 16)
    assert not np.array_equal(drawn[0], drawn[1])
