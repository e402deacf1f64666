"""Episodes, and the readouts that learn new classes from a few examples."""

import jax.numpy as jnp
import numpy as np
import pytest

from metaplast.learning.few_shot import READOUTS, draw_episodes, hebbian_scores, nearest_scores

LABELS = np.repeat([5, 6, 7, 9], 8)
DRAWN = {"episodes": 6, "ways": 3, "shots": 2, "queries": 4}


def test_no_example_is_both_shown_and_asked_for_and_classes_come_in_order():
    support, query = draw_episodes(LABELS, np.random.default_rng(0), **DRAWN)
    assert support.shape == (6, 6)
    assert query.shape == (6, 12)
    for shown, asked in zip(support, query, strict=True):
        assert len({*shown, *asked}) == 18
        by_way = LABELS[shown].reshape(3, 2), LABELS[asked].reshape(3, 4)
        assert (by_way[0] == by_way[0][:, :1]).all()
        assert (by_way[1] == by_way[0][:, :1]).all()
        assert len(set(by_way[0][:, 0])) == 3
    assert len({tuple(LABELS[shown]) for shown in support}) > 1


def test_episodes_are_the_same_for_the_same_seed():
    one, two = (draw_episodes(LABELS, np.random.default_rng(3), **DRAWN) for _ in range(2))
    assert np.array_equal(one.support, two.support)


@pytest.mark.parametrize(("change", "words"), [({"ways": 5}, "few_shot.ways is 5"), ({"shots": 7}, "a class has 8")])
def test_episodes_that_cannot_be_drawn_are_refused(change, words):
    with pytest.raises(ValueError, match=words):
        draw_episodes(LABELS, np.random.default_rng(0), **{**DRAWN, **change})


SUPPORT = jnp.asarray([[1.0, 0.0, 0.0, 0.1], [0.0, 1.0, 0.0, 0.1], [0.0, 0.0, 1.0, 0.1]])
QUERY = jnp.asarray([[0.1, 0.9, 0.0, 0.1], [0.0, 0.1, 0.8, 0.2], [0.9, 0.1, 0.1, 0.0]])


@pytest.mark.parametrize("readout", [*READOUTS.values(), nearest_scores], ids=lambda readout: readout.__name__)
def test_every_readout_tells_clear_classes_apart(readout):
    scores = readout(SUPPORT, jnp.arange(3), QUERY, 3)
    assert scores.shape == (3, 3)
    assert np.argmax(scores, -1).tolist() == [1, 2, 0]


def test_the_hebbian_readout_is_one_coincidence_with_the_teacher():
    found = hebbian_scores(SUPPORT, jnp.arange(3), QUERY, 3)
    held = np.tanh(np.where(np.eye(3, dtype=bool), 1.0, -1.0))
    expected = np.asarray(QUERY) @ np.mean([np.outer(x, v) for x, v in zip(SUPPORT, held, strict=True)], axis=0)
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_nearest_is_the_nearest_of_several_examples():
    support = jnp.asarray([[0.0], [10.0], [4.0], [5.0]])
    scores = nearest_scores(support, jnp.asarray([0, 0, 1, 1]), jnp.asarray([[9.0], [3.0]]), 2)
    np.testing.assert_allclose(scores, [[-1.0, -16.0], [-9.0, -1.0]], atol=1e-4)
