"""Codings, augmentation and the simulated camera do what their equations say."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from metaplast.data import CODINGS, Augmentation, Binning, Camera, Dataset, Split, load
from metaplast.data.augment import dropped, flipped, shifted

KEY = jax.random.key(0)
VALUES = jnp.asarray([[0.0, 0.25, 0.5, 1.0]])


@pytest.mark.parametrize("name", ["direct", "rate", "latency"])
def test_a_coding_has_a_time_axis_and_compiles(name):
    spikes = CODINGS[name](VALUES, 8, KEY)
    assert spikes.shape == (8, 1, 4)
    assert spikes.dtype == VALUES.dtype
    np.testing.assert_array_equal(jax.jit(CODINGS[name], static_argnums=1)(VALUES, 8, KEY), spikes)


def test_direct_is_a_constant_current():
    np.testing.assert_array_equal(CODINGS["direct"](VALUES, 3, KEY), np.repeat(VALUES[None], 3, 0))


def test_rate_has_the_value_as_its_probability():
    spikes = np.asarray(CODINGS["rate"](VALUES, 20_000, KEY))
    assert set(np.unique(spikes)) == {0, 1}
    np.testing.assert_allclose(spikes.mean(axis=0), VALUES, atol=0.015)


def test_latency_is_one_spike_the_earlier_the_larger():
    spikes = np.asarray(CODINGS["latency"](VALUES, 9, KEY))[:, 0]
    assert spikes.sum(axis=0).tolist() == [0, 1, 1, 1]
    assert spikes.argmax(axis=0)[1:].tolist() == [6, 4, 0]


def test_event_frames_last_equally_long():
    frames = jnp.arange(6.0).reshape(2, 3, 1)
    shown = CODINGS["events"](frames, 6, KEY)
    assert shown[:, 1, 0].tolist() == [3, 3, 4, 4, 5, 5]
    with pytest.raises(ValueError, match="4 steps cannot show 3 frames"):
        CODINGS["events"](frames, 4, KEY)


def test_a_shift_moves_whole_examples_within_its_reach():
    image = jnp.zeros((200, 3, 7, 7, 1)).at[:, :, 3, 3].set(1.0)
    moved = np.asarray(shifted(image, KEY, 2))
    np.testing.assert_array_equal(moved.sum(axis=(2, 3, 4)), 1)
    at = moved.reshape(200, 3, 49).argmax(-1)
    assert (at == at[:, :1]).all()
    assert set(np.unique(at // 7)) == set(np.unique(at % 7)) == {1, 2, 3, 4, 5}


def test_a_flip_mirrors_about_half_of_the_examples():
    images = jnp.broadcast_to(jnp.arange(3.0)[:, None], (400, 2, 3, 1))
    mirrored = np.asarray(flipped(images, KEY))[:, 0, :, 0]
    assert set(map(tuple, mirrored.tolist())) == {(0, 1, 2), (2, 1, 0)}
    assert 150 < (mirrored[:, 0] == 2).sum() < 250


def test_a_fraction_of_events_is_lost():
    kept = np.asarray(dropped(jnp.full((5000,), 4.0), KEY, 0.25))
    assert set(np.unique(kept)) == {0, 4}
    assert kept.mean() == pytest.approx(3.0, abs=0.1)


def test_an_augmentation_without_settings_changes_nothing():
    images = jax.random.uniform(KEY, (4, 5, 5, 1))
    np.testing.assert_array_equal(Augmentation()(images, KEY), images)
    assert jax.jit(Augmentation(1, True, 0.5))(images, KEY).shape == images.shape
    with pytest.raises(ValueError, match="give a shift of at least 0"):
        Augmentation(drop=1.0)


def test_a_uniform_image_makes_no_events_in_its_middle():
    frames = np.asarray(jax.jit(Camera(frames=6).record)(jnp.ones((1, 9, 9))))
    assert frames.shape == (1, 6, 9, 9, 2)
    assert frames[:, :, :7, :7].sum() == 0


def test_an_edge_makes_events_of_the_polarity_of_its_motion_and_ends_where_it_began():
    """Looking downwards the scene moves up: a bright lower half makes ON events, and OFF events on the way back."""
    image = jnp.concatenate([jnp.zeros((6, 12)), jnp.ones((6, 12))])[None]
    frames = np.asarray(jax.jit(Camera(frames=30, reach=2.0).record)(image))[0, :, 2:8, 2:8]
    assert frames[:10, ..., 1].sum() > 0
    assert frames[:10, ..., 0].sum() == 0
    assert frames[10:20, ..., 0].sum() > 0
    # The camera comes back to where it was: as many steps up as down, but for what has not reached the threshold.
    assert np.abs((frames[..., 1] - frames[..., 0]).sum(axis=0)).max() <= 1


@pytest.mark.parametrize("settings", [{"frames": 4}, {"contrast": 0.0}, {"floor": -1.0}])
def test_an_impossible_camera_is_refused(settings):
    with pytest.raises(ValueError, match=r"multiple of 3|must be positive"):
        Camera(**settings)


def test_a_film_of_a_data_set_says_what_it_is():
    images = np.zeros((3, 6, 6, 1), np.float32)
    images[:, 2:4, 2:4] = 1
    split = Split(images, np.asarray([0, 1, 0], np.int32))
    still = Dataset("made", split, split, ("a", "b"), "made here")
    film = Camera(frames=3).film(still, batch=2)
    assert film.train.inputs.shape == (3, 3, 6, 6, 2)
    assert film.name == "made-events"
    assert "simulated" in film.provenance
    assert film.events
    with pytest.raises(ValueError, match="films grey still images"):
        Camera().film(film)
    with pytest.raises(ValueError, match=r"pool is 7, larger than the images of made"):
        Camera().film(still, pool=7)


def test_frames_and_pixels_that_are_counted_together_keep_every_event():
    images = np.random.default_rng(0).random((2, 4, 4, 1)).astype(np.float32)
    split = Split(images, np.asarray([0, 1], np.int32))
    still = Dataset("made", split, split, ("a", "b"), "made here")
    fine, coarse = Camera(frames=6).film(still), Camera(frames=6).film(still, merged=3, pool=2)
    assert coarse.train.inputs.shape == (2, 2, 2, 2, 2)
    np.testing.assert_array_equal(coarse.train.inputs[:, 0, 0, 0], fine.train.inputs[:, :3, :2, :2].sum((1, 2, 3)))
    assert coarse.train.inputs.sum() == fine.train.inputs.sum() > 0


def test_the_thresholds_of_a_camera_are_drawn_by_its_seed():
    image = jnp.linspace(0, 1, 36).reshape(1, 6, 6)
    one, again, other, even = (
        np.asarray(camera.record(image))
        for camera in (*(Camera(mismatch=0.5, seed=seed) for seed in (0, 0, 1)), Camera())
    )
    np.testing.assert_array_equal(one, again)
    assert (one != other).any()
    assert (one != even).any()
    with pytest.raises(ValueError, match="mismatch is -1"):
        Camera(mismatch=-1.0)


def test_films_of_digits_need_no_file_and_are_the_same_every_time():
    films = [load("digits-events", binning=Binning(frames=4, pool=2)) for _ in range(2)]
    assert films[0].train.inputs.shape == (1437, 4, 4, 4, 2)
    np.testing.assert_array_equal(films[0].test.inputs, films[1].test.inputs)
    assert films[0].name == "digits-events"
    assert "simulated event camera (seed 0), 4 frames" in films[0].provenance
    with pytest.raises(ValueError, match=r"frame_milliseconds is 5\.0, but a film has no milliseconds"):
        load("digits-events", binning=Binning(milliseconds=5.0))
