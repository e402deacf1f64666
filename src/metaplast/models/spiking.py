"""Recurrent network of spiking cells with dendrites."""

from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, PRNGKeyArray

from metaplast.connections import Dense, Sparse
from metaplast.mechanism import Mechanism, chain
from metaplast.models.recurrent import RECURRENT, Recurrent, with_readout
from metaplast.network import Population, Projection
from metaplast.neurons import DendriticLIF
from metaplast.params import strong_float
from metaplast.surrogate import Surrogate, Triangular


class RecurrentSpiking(Recurrent):
    """A recurrent network of spiking cells with dendrites, as `recurrent_spiking` builds it."""

    spiking: ClassVar[bool] = True

    def _as_matrix(self, weight: Array) -> Array:
        # A synapse sits on one branch, so the sum over branches is the matrix from cell to cell.
        return weight.sum(axis=1) if weight.ndim == 3 else weight


def recurrent_spiking(
    key: PRNGKeyArray,
    *,
    channels: int,
    neurons: int,
    outputs: int,
    dt: float,
    branches: int = 1,
    resistance: float = 4.0,
    input_gain: float = 3.0,
    recurrent_gain: float = 1.0,
    tau_range: tuple[float, float] = (14.427, 551.0),
    membrane_readout: bool = True,
    intrinsic: Mechanism | None = None,
    surrogate: Surrogate | None = None,
) -> RecurrentSpiking:
    """Dendro-somatic recurrent network read out from its membranes (or spikes).

    d_t = b d_{t-1} + (1 - b) (W_in x_t + W_rec s_{t-1} + bias)
    u_t = a u_{t-1} + (1 - a) R d_t - threshold s_{t-1};   s_t = [u_t > threshold]
    y_t = W_out u_t + b_out

    Time constants are drawn by `draw_tau`. Input weights are N(0, input_gain^2 / channels), recurrent ones
    `recurrent_gain` times a random orthogonal matrix, readout weights zero. Afferents are divided among branches.

    Reference: reconstruction after the reviews of IP2-RSNN (arXiv 2501.14539), the neuron of Zheng et al. (2024),
    the initialisation of Goudar et al. (2023); `resistance` and `input_gain` are assumed.
    """
    keys = jax.random.split(key, 5)
    neuron = DendriticLIF(
        draw_tau(keys[0], (branches, neurons), dt, tau_range),
        draw_tau(keys[1], (neurons,), dt, tau_range),
        jnp.ones(neurons),
        strong_float(resistance),
        branches=branches,
        surrogate=surrogate or Triangular(),
    )
    weight_in = input_gain * jax.random.normal(keys[2], (channels, neurons)) / np.sqrt(channels)
    weight_rec = recurrent_gain * jax.random.orthogonal(keys[3], neurons)
    inward, within = _divided(keys[4], (weight_in, weight_rec), branches)
    cells = Population(neuron, neurons, intrinsic or chain(), bias=jnp.zeros((branches, neurons)))
    projections = Projection("input", RECURRENT, **inward), Projection(RECURRENT, RECURRENT, **within, delay=1)
    return RecurrentSpiking(
        with_readout(cells, *projections, channels=channels, outputs=outputs, dt=dt, membrane=membrane_readout)
    )


def draw_tau(key: PRNGKeyArray, shape: tuple[int, ...], dt: float, tau_range: tuple[float, float]) -> Array:
    """Time constants (ms) within `tau_range` for which the logit of exp(-dt / tau) is uniform (as in DH-SNN).

    Raises:
        ValueError: a range that is empty or not positive.
    """
    low, high = tau_range
    if not 0 < low <= high:
        raise ValueError(f"time constants from {low} to {high} ms: give a positive range, the shorter one first")
    keep_low, keep_high = (np.exp(-dt / tau) for tau in tau_range)
    logits = np.log(keep_low / (1 - keep_low)), np.log(keep_high / (1 - keep_high))
    keep = jax.nn.sigmoid(jax.random.uniform(key, shape, minval=logits[0], maxval=logits[1]))
    return -dt / jnp.log(keep)


def _divided(key: PRNGKeyArray, weights: tuple[Array, ...], branches: int) -> list[dict[str, Any]]:
    """Weights [pre, post] as [pre, branches, post], each synapse on one branch drawn for it."""
    sizes = [weight.shape[0] for weight in weights]
    drawn = jax.random.randint(key, (sum(sizes), weights[0].shape[1]), 0, branches)
    parts = jnp.split(drawn, np.cumsum(sizes)[:-1])
    return [_on_branches(weight, part, branches) for weight, part in zip(weights, parts, strict=True)]


def _on_branches(weight: Array, parts: Array, branches: int) -> dict[str, Any]:
    """A weight [pre, post] as [pre, branches, post], each synapse on the one branch that `parts` says."""
    wide = jnp.broadcast_to(weight[:, None, :], (weight.shape[0], branches, weight.shape[1]))
    if branches == 1:
        return {"connection": Dense(), "weight": wide}
    mask = parts[:, None, :] == jnp.arange(branches)[None, :, None]
    return {"connection": Sparse(mask), "weight": jnp.where(mask, wide, 0.0)}
