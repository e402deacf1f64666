"""Rotated images: one angle a problem, the right angle, and arrays that are no constants of the program."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from data_helpers import write_mnist
from metaplast.data.sequences import rotated
from metaplast.learning import Lanes
from metaplast.tasks import RotatedImages, Trial


@pytest.fixture(scope="module")
def family() -> RotatedImages:
    return RotatedImages()


@eqx.filter_jit
def drawn(family: RotatedImages, batch: int) -> Trial:
    return family.sample(jax.random.key(0)).trials(jax.random.key(1), batch)


@pytest.mark.parametrize(("degrees", "turns"), [(0, 0), (90, 1), (180, 2), (-90, 3)])
def test_a_right_angle_is_an_exact_turn(degrees, turns):
    image = np.random.default_rng(0).random((2, 5, 5), np.float32)
    turned = rotated(jnp.asarray(image), jnp.deg2rad(jnp.asarray(float(degrees))))
    np.testing.assert_allclose(turned, np.rot90(image, turns, (1, 2)), atol=1e-5)


def test_a_trial_shows_one_image_throughout_and_asks_for_its_class(family):
    trial = drawn(family, 300)
    assert trial.inputs.shape == (8, 300, family.channels) == (8, 300, 64)
    np.testing.assert_array_equal(trial.inputs, np.broadcast_to(trial.inputs[:1], trial.inputs.shape))
    np.testing.assert_array_equal(trial.target, np.broadcast_to(trial.target[:1], trial.target.shape))
    assert set(np.unique(trial.target)) == set(range(family.outputs)) == set(range(10))
    np.testing.assert_array_equal(trial.mask[:, 0], [0, 0, 1, 1, 1, 1, 1, 1])
    np.testing.assert_array_equal(trial.decision, trial.mask)


def test_images_are_those_of_the_data_set_with_their_labels(family):
    """Without a rotation every trial is one of the images, with its label."""
    trial = drawn(RotatedImages(largest=0.0), 20)
    images = np.asarray(family.pixels).reshape(len(family.pixels), -1) / 255.0
    for shown, label in zip(np.asarray(trial.inputs[0]), np.asarray(trial.target[0]), strict=True):
        same = np.abs(images - shown).max(axis=1) < 1e-5
        assert same.any()
        assert (np.asarray(family.labels)[same] == label).all()


def test_a_problem_has_one_angle_and_another_key_another(family):
    keys = jax.random.split(jax.random.key(5), 40)
    angles = np.rad2deg(jax.jit(jax.vmap(lambda key: family.sample(key).angle))(keys))
    assert np.abs(angles).max() <= 90
    assert angles.min() < -45
    assert angles.max() > 45
    assert family.sample(jax.random.key(0)).angle == family.sample(jax.random.key(0)).angle


@pytest.mark.slow
def test_the_images_are_an_argument_that_all_lanes_share(family):
    def one(family: RotatedImages, key: jax.Array) -> jax.Array:
        return family.sample(key).trials(key, 2).inputs.sum()

    keys = jax.random.split(jax.random.key(0), 3)
    lanes = Lanes(eqx.Partial(one, family), 3, jax.devices()[:1])
    compiled = lanes.compile(keys)
    text = compiled.func.as_text()
    entry = text[text.index("ENTRY") :].splitlines()
    assert [line for line in entry if "u8[1437,8,8]" in line and "parameter(" in line]
    assert "u8[3,1437,8,8]" not in text
    assert not [line for line in text.splitlines() if "constant(" in line and "[1437" in line]
    np.testing.assert_allclose(lanes(keys), [one(family, key) for key in keys], rtol=1e-5)


def test_mnist_comes_from_files_and_is_missed_with_the_mend(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"mnist: no .*data\.root or METAPLAST_DATA"):
        RotatedImages(images="mnist", root=str(tmp_path))
    write_mnist(tmp_path / "MNIST" / "raw")
    family = RotatedImages(images="mnist", root=str(tmp_path))
    assert family.channels == 784
    assert drawn(family, 4).inputs.shape == (8, 4, 784)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"largest": 181.0}, "largest is 181.0 degrees"),
        ({"grace": 80.0}, "shorter than the 80.0 ms of a trial"),
        ({"show": 15.0}, "show is 15.0 ms, which is not a whole number"),
        ({"images": "letters"}, "data.name is 'letters'"),
    ],
)
def test_impossible_settings_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        RotatedImages(**settings)
