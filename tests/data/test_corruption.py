"""Disturbances: nothing at amount 0, and the right amount of what they say."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from metaplast.data.corruption import EVENT_CORRUPTIONS, IMAGE_CORRUPTIONS

IMAGES = jnp.full((20, 16, 16, 1), 0.5)
COUNTS = jax.random.poisson(jax.random.key(1), 2.0, (20, 5, 8, 8, 2)).astype(float)
PUBLISHED = [("gaussian", 0.01), ("salt", 0.01), ("pepper", 0.06), ("salt-and-pepper", 0.02)]


@pytest.mark.parametrize("name", [*IMAGE_CORRUPTIONS, *EVENT_CORRUPTIONS])
def test_an_amount_of_nothing_changes_nothing(name, key):
    kind = (IMAGE_CORRUPTIONS | EVENT_CORRUPTIONS)[name]
    values = IMAGES if name in IMAGE_CORRUPTIONS else COUNTS
    np.testing.assert_array_equal(kind.change(values, key, jnp.zeros(())), values)


@pytest.mark.parametrize(("name", "step"), PUBLISHED)
def test_levels_are_the_published_ones(name, step):
    assert IMAGE_CORRUPTIONS[name].step == step


def changed(name: str, values, amount: float, key) -> np.ndarray:
    return np.asarray((IMAGE_CORRUPTIONS | EVENT_CORRUPTIONS)[name].change(values, key, jnp.asarray(amount)))


def test_images_have_as_much_noise_as_asked(key):
    assert changed("gaussian", IMAGES, 0.01, key).var() == pytest.approx(0.01, rel=0.1)
    assert changed("speckle", IMAGES, 0.04, key).var() == pytest.approx(0.01, rel=0.1)
    for name, high in (("salt", True), ("pepper", False)):
        found = changed(name, IMAGES, 0.2, key)
        assert (found == float(high)).mean() == pytest.approx(0.2, abs=0.02)
        assert set(np.unique(found)) == {0.5, float(high)}
    both = changed("salt-and-pepper", IMAGES, 0.2, key)
    assert (both == 1).mean() == pytest.approx(0.1, abs=0.02)
    assert (both == 0).mean() == pytest.approx(0.1, abs=0.02)
    for name in IMAGE_CORRUPTIONS:
        found = changed(name, IMAGES, 0.36, key)
        assert 0 <= found.min() <= found.max() <= 1


def test_events_are_lost_moved_and_added(key):
    total = float(COUNTS.sum())
    assert changed("event-drop", COUNTS, 0.3, key).sum() == pytest.approx(0.7 * total, rel=0.03)
    moved = changed("event-jitter", COUNTS, 0.5, key)
    assert moved.sum() == total
    np.testing.assert_array_equal(moved.sum(axis=1), np.asarray(COUNTS).sum(axis=1))
    assert (moved != np.asarray(COUNTS)).any()
    added = changed("extra-events", COUNTS, 0.5, key) - np.asarray(COUNTS)
    assert added.min() == 0
    assert added.mean() == pytest.approx(0.5, rel=0.05)
