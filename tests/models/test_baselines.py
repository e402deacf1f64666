"""The baselines compute what their equations say."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from metaplast.models import recurrent_gated, recurrent_rate, self_attention
from metaplast.models.attention import positions

INPUTS = jax.random.normal(jax.random.key(1), (7, 2, 3))
KEY = jax.random.key(2)


def with_random(model, seed: int = 3):
    """A model whose every number is drawn anew, so that no term is hidden by a zero."""
    leaves, structure = jax.tree.flatten(model)
    keys = jax.random.split(jax.random.key(seed), len(leaves))
    drawn = [
        leaf if leaf.dtype == bool or leaf.shape == () else 0.5 * jax.random.normal(key, leaf.shape)
        for leaf, key in zip(leaves, keys, strict=True)
    ]
    return jax.tree.unflatten(structure, drawn)


def parts(model):
    projections = model.network.projections
    biases = [model.network.populations[name].bias for name in ("recurrent", "readout")]
    return [projections[name].weight for name in ("input", "recurrent", "readout")] + biases


def test_the_rate_network_takes_the_published_euler_step():
    tau = -1.0 / np.log(1 - 0.01)  # alpha = 0.01 at steps of 1 ms
    model = with_random(recurrent_rate(KEY, channels=3, neurons=5, outputs=2, dt=1.0, tau=tau))
    inward, within, out, bias, out_bias = parts(model)
    rate = jnp.broadcast_to(model.network.populations["recurrent"].neuron.initial, (2, 5))
    response = model.respond(INPUTS, KEY)
    for step, now in enumerate(INPUTS):
        rate = 0.99 * rate + 0.01 * jnp.logaddexp(0.0, now @ inward + rate @ within + bias)
        np.testing.assert_allclose(response.hidden[step], rate, rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(response.output[step], rate @ out + out_bias, rtol=1e-4, atol=1e-5)


def test_the_initial_rates_can_be_learned():
    model = with_random(recurrent_rate(KEY, channels=3, neurons=5, outputs=2, dt=1.0))
    gradient = jax.grad(lambda model: model.respond(INPUTS, KEY).output.sum())(model)
    assert (np.abs(gradient.network.populations["recurrent"].neuron.initial) > 0).all()


def test_gates_are_those_of_a_gru():
    model = with_random(recurrent_gated(KEY, channels=3, neurons=5, outputs=2, dt=1.0))
    inward, within, out, bias, out_bias = parts(model)
    value = jnp.zeros((2, 5))
    response = model.respond(INPUTS, KEY)
    for step, now in enumerate(INPUTS):
        reset = jax.nn.sigmoid(now @ inward[:, 0] + value @ within[:, 0] + bias[0])
        update = jax.nn.sigmoid(now @ inward[:, 1] + value @ within[:, 1] + bias[1])
        candidate = jnp.tanh(now @ inward[:, 2] + bias[2] + reset * (value @ within[:, 3] + bias[3]))
        value = (1 - update) * candidate + update * value
        np.testing.assert_allclose(response.activity[step], value, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(response.output[step], value @ out + out_bias, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("heads", [1, 4])
def test_attention_is_a_softmax_over_the_past(heads):
    model = with_random(self_attention(KEY, channels=3, width=8, heads=heads, outputs=2))
    embedded = model.embedding(INPUTS) + positions(7, 8)[:, None]
    query, key, value = np.split(np.asarray(model.attention(embedded)), 3, axis=-1)
    size, found = 8 // heads, np.zeros((7, 2, 8))
    for step in range(7):
        for example in range(2):
            for head in range(heads):
                own = slice(head * size, (head + 1) * size)
                scores = key[: step + 1, example, own] @ query[step, example, own] / np.sqrt(size)
                weights = np.exp(scores - scores.max())
                found[step, example, own] = weights / weights.sum() @ value[: step + 1, example, own]
    hidden = embedded + model.mixing(jnp.asarray(found))
    response = model.respond(INPUTS, KEY)
    np.testing.assert_allclose(response.hidden, hidden, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(response.output, model.readout(response.hidden), rtol=1e-5, atol=1e-6)


def test_attention_does_not_see_the_future():
    model = with_random(self_attention(KEY, channels=3, width=8, heads=2, outputs=2))
    changed = INPUTS.at[4].add(1.0)
    before, after = model.respond(INPUTS, KEY).output, model.respond(changed, KEY).output
    np.testing.assert_array_equal(before[:4], after[:4])
    assert not np.allclose(before[4:], after[4:])


def test_heads_that_cannot_share_the_width_are_refused():
    with pytest.raises(ValueError, match="3 heads cannot share a width of 8; give a multiple of 3"):
        self_attention(KEY, channels=3, width=8, heads=3, outputs=2)


def test_priced_weights_are_matrices_with_a_row_for_each_source():
    for model in (
        recurrent_rate(KEY, channels=3, neurons=5, outputs=2, dt=1.0),
        recurrent_gated(KEY, channels=3, neurons=5, outputs=2, dt=1.0),
        self_attention(KEY, channels=3, width=8, heads=2, outputs=2),
    ):
        assert [weight.ndim for weight in model.weights()] == [2, 2, 2]
