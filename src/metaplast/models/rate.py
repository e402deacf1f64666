"""Leaky rate network: the point-neuron baseline."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import PRNGKeyArray

from metaplast.connections import Dense
from metaplast.mechanism import Mechanism, chain
from metaplast.models.recurrent import RECURRENT, Recurrent, with_readout
from metaplast.network import Population, Projection, voltage
from metaplast.neurons import LeakyRate
from metaplast.params import strong_float


def recurrent_rate(
    key: PRNGKeyArray,
    *,
    channels: int,
    neurons: int,
    outputs: int,
    dt: float,
    tau: float = 100.0,
    input_gain: float = 1.0,
    recurrent_gain: float = 1.0,
    intrinsic: Mechanism | None = None,
) -> Recurrent:
    """Leaky softplus rates with a learnable initial state.

    r_t = a r_{t-1} + (1 - a) softplus(W_in x_t + W_rec r_{t-1} + bias + noise)
    y_t = W_out r_t + b_out

    Input weights N(0, input_gain^2 / channels), recurrent ones `recurrent_gain` times a random orthogonal matrix,
    readout weights, biases and initial state zero. `intrinsic` may add the noise.

    Reference: Goudar et al. (2023), Methods and public code.
    """
    input_key, recurrent_key = jax.random.split(key)
    weight_in = input_gain * jax.random.normal(input_key, (channels, neurons)) / np.sqrt(channels)
    weight_rec = recurrent_gain * jax.random.orthogonal(recurrent_key, neurons)
    cells = LeakyRate(strong_float(tau), jnp.zeros(neurons))
    network = with_readout(
        Population(cells, neurons, intrinsic or chain(), bias=jnp.zeros(neurons)),
        Projection("input", RECURRENT, Dense(), weight_in),
        # The state is read, not what was sent: so the learnable initial rates act at the first step.
        Projection(RECURRENT, RECURRENT, Dense(), weight_rec, delay=1, read=voltage),
        channels=channels,
        outputs=outputs,
        dt=dt,
    )
    return Recurrent(network)
