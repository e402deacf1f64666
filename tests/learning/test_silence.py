"""Silent channels: which are heard, how loud, and that a learner without company is left alone."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from metaplast.learning.silence import heard_channels, silenced
from metaplast.models.layered import Channel, layered
from metaplast.plasticity import HebbianSynapse

KEYS = jax.random.split(jax.random.key(0), 2000)


def gains(channels, share, key):
    rule = lambda pre, post, key: HebbianSynapse()  # noqa: E731
    arriving = [Channel(name, 1.0, rule if name == "h" else None) for name in channels]
    network = silenced(layered(jax.random.key(0), [4, 3, 2], [arriving, arriving]), share, key)
    return {name: projection.gain for name, projection in network.projections.items()}


def test_some_are_silent_and_never_all():
    heard = np.asarray(jax.vmap(lambda key: heard_channels(3, 0.5, key))(KEYS))
    assert heard.any(axis=1).all()
    # Each with probability 1/2, and with 1 in the one case of 8 in which it would have been none.
    np.testing.assert_allclose(heard.mean(axis=0), 0.5 + 0.125, atol=0.04)


def test_those_heard_bring_what_all_would_have_brought():
    found = jax.vmap(lambda key: gains("sb", 0.5, key))(KEYS[:64])
    for layer in ("hidden1", "output"):
        np.testing.assert_array_equal(found[f"{layer}-s"] + found[f"{layer}-b"], 2.0)
        assert set(np.unique(found[f"{layer}-s"])) == {0.0, 1.0, 2.0}
    assert np.any(found["hidden1-s"] != found["output-s"])  # layer by layer


@pytest.mark.parametrize("channels", ["s", "sh"])
def test_one_weight_that_no_rule_changes_is_always_heard_and_so_is_a_rule(channels):
    found = jax.vmap(lambda key: gains(channels, 0.9, key))(KEYS[:64])
    assert all(np.all(gain == 1.0) for gain in found.values())


def test_without_silence_the_gains_are_as_they_were():
    assert all(jnp.all(gain == 1.0) for gain in gains("sbh", 0.0, KEYS[0]).values())
