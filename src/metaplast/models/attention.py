"""Causal self-attention: the baseline without recurrence."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from metaplast.models.base import Model, Response, Weights
from metaplast.params import strong_float


class Linear(eqx.Module):
    """y = x W + b."""

    weight: Float[Array, "inputs outputs"]
    bias: Float[Array, " outputs"]

    def __call__(self, x: Float[Array, "... inputs"]) -> Float[Array, "... outputs"]:
        return x @ self.weight + self.bias


class SelfAttention(Model):
    """One layer of causal multi-head self-attention over the steps of a trial.

    e_t = W_in x_t + position(t);  q, k, v = W_q e, W_k e, W_v e, in heads of width / heads numbers
    h_t = e_t + W_h concat over heads of sum over s <= t of softmax_s(q_t . k_s / sqrt(width / heads)) v_s
    y_t = W_out h_t + b_out

    Positions are sinusoids. The reviews of IP2-RSNN name its heads (1, 2, 4) and no more: width, depth, positions
    and the residual connection are assumed.

    Reference: Vaswani et al. (2017), sections 3.2 and 3.5.
    """

    embedding: Linear
    attention: Linear
    """Queries, keys and values side by side."""
    mixing: Linear
    readout: Linear
    heads: int = eqx.field(static=True)

    def respond(self, inputs: Float[Array, "time batch channels"], key: PRNGKeyArray) -> Response:
        embedded = self.embedding(inputs)
        embedded = embedded + positions(inputs.shape[0], embedded.shape[-1])[:, None, :]
        hidden = embedded + self.mixing(self._attended(embedded))
        return Response(self.readout(hidden), hidden, hidden)

    def _attended(self, embedded: Float[Array, "time batch width"]) -> Float[Array, "time batch width"]:
        """Values of the steps so far, weighted by how well their keys fit the query of now."""
        steps, batch, width = embedded.shape
        parts = self.attention(embedded).reshape(steps, batch, 3, self.heads, width // self.heads)
        query, key, value = (jnp.swapaxes(parts[:, :, part], 0, 1) for part in range(3))
        return jnp.swapaxes(jax.nn.dot_product_attention(query, key, value, is_causal=True), 0, 1).reshape(
            steps, batch, width
        )

    def weights(self) -> Weights:
        """Attention has no recurrent matrix; queries, keys and values take its place in the price."""
        return Weights(self.embedding.weight, self.attention.weight, self.readout.weight)


def positions(steps: int, width: int) -> Float[Array, "time width"]:
    """Sinusoids of wavelengths from 2 pi to 10,000 * 2 pi steps."""
    rates = 1e4 ** (-np.arange(0, width, 2) / width)
    angles = np.arange(steps)[:, None] * rates
    return strong_float(np.stack([np.sin(angles), np.cos(angles)], axis=-1).reshape(steps, -1)[:, :width])


def self_attention(key: PRNGKeyArray, *, channels: int, width: int, heads: int, outputs: int) -> SelfAttention:
    """Attention with weights N(0, 1 / inputs), a readout of zero weights, and no bias at the start.

    Raises:
        ValueError: a width that the heads cannot divide.
    """
    if width % heads:
        raise ValueError(f"{heads} heads cannot share a width of {width}; give a multiple of {heads}")
    keys = jax.random.split(key, 3)

    def drawn(key: PRNGKeyArray, inputs: int, size: int) -> Linear:
        return Linear(jax.random.normal(key, (inputs, size)) / np.sqrt(inputs), jnp.zeros(size))

    return SelfAttention(
        drawn(keys[0], channels, width),
        drawn(keys[1], width, 3 * width),
        drawn(keys[2], width, width),
        Linear(jnp.zeros((width, outputs)), jnp.zeros(outputs)),
        heads,
    )
