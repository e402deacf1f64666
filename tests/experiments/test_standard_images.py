"""Images brought to mean 0 and standard deviation 1 before they become currents."""

import jax
import numpy as np
import pytest

from classification_helpers import configured, patterns
from metaplast.experiments.classification import data as classification_data


@pytest.fixture(autouse=True)
def without_files(monkeypatch):
    monkeypatch.setattr(classification_data, "load", lambda *_, **__: patterns())


def test_the_mean_of_many_images_is_not_lost_in_rounding():
    """Summed in float32, 26 million pixels of 0.7 stop at 2^24 and have a mean of 0.66."""
    many = np.broadcast_to(np.float32(0.7), (25_000 * 1024, 3))
    np.testing.assert_array_equal(classification_data.standardised(many)(np.float32(0.7)), np.zeros(3))


def test_standard_images_have_mean_zero_and_deviation_one():
    data = classification_data.prepared(configured("data.standard=true"))
    currents = np.asarray(data.encode_test(data.train.images, jax.random.key(0)))
    assert abs(currents.mean()) < 1e-3  # images are kept as bytes
    assert abs(currents.std() - 1) < 1e-3
    plain = classification_data.prepared(configured())
    assert np.asarray(plain.encode_test(plain.train.images, jax.random.key(0))).min() == 0
