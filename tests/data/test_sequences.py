"""Sequences of tasks: bijections, the same for all images, and the first task as it was."""

import jax.numpy as jnp
import numpy as np
import pytest

from metaplast.data.sequences import transform

IMAGES = np.random.default_rng(0).random((3, 4, 5, 2)).astype(np.float32)


def test_a_permutation_is_a_bijection_of_pixels_that_keeps_their_channels_together():
    tasks = transform("permuted", (4, 5, 2), 4, seed=1)
    for order in np.asarray(tasks.order):
        assert sorted(order) == list(range(20))
    shown = np.asarray(tasks(jnp.asarray(IMAGES), jnp.asarray(2)))
    back = shown.reshape(3, 20, 2)[:, np.argsort(tasks.order[2])].reshape(IMAGES.shape)
    assert np.array_equal(back, IMAGES)
    assert not np.array_equal(shown, IMAGES)


def test_permutations_differ_by_task_and_by_seed_and_are_the_same_again():
    one, again, other = (transform("permuted", (4, 5, 1), 3, seed=seed).order for seed in (0, 0, 1))
    assert np.array_equal(one, again)
    assert not np.array_equal(one[1], one[2])
    assert not np.array_equal(one[1], other[1])
    # More tasks leave the first ones as they are.
    assert np.array_equal(transform("permuted", (4, 5, 1), 5, seed=0).order[:3], one)


@pytest.mark.parametrize("kind", ["permuted", "rotated"])
def test_the_first_task_shows_images_as_they_are(kind):
    shown = transform(kind, (4, 5, 2), 2)(jnp.asarray(IMAGES), jnp.asarray(0))
    np.testing.assert_allclose(shown, IMAGES, atol=1e-6)


def test_the_last_task_is_turned_by_the_largest_angle_and_the_others_evenly():
    tasks = transform("rotated", (5, 5, 1), 3, largest=180.0)
    image = np.random.default_rng(0).random((2, 5, 5, 3)).astype(np.float32)
    half, whole = (np.asarray(tasks(jnp.asarray(image), jnp.asarray(task))) for task in (1, 2))
    np.testing.assert_allclose(half, np.rot90(image, 1, axes=(1, 2)), atol=1e-5)
    np.testing.assert_allclose(whole, np.rot90(image, 2, axes=(1, 2)), atol=1e-5)


def test_an_unknown_kind_is_answered_by_those_that_there_are():
    with pytest.raises(ValueError, match="permuted, rotated"):
        transform("shuffled", (4, 4, 1), 2)
