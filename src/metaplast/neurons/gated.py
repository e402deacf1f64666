"""Gated recurrent unit."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from metaplast.neurons.base import Neuron
from metaplast.signals import Drive

RESET, UPDATE, OUTSIDE, WITHIN = range(4)
"""Rows of the current: two gates, and the candidate's share from outside and from the units themselves."""


class GatedState(NamedTuple):
    voltage: Float[Array, "batch *shape"]
    """The value of the unit, under the name that homeostasis and readouts look for."""


class GatedUnit(Neuron):
    """A unit whose current has four rows, since the reset gate acts on the recurrent share of the candidate alone.

    r = sigmoid(I_reset);  z = sigmoid(I_update);  n = tanh(I_arriving + r I_recurrent);  h_t = (1 - z) n + z h_{t-1}

    Reference: Cho et al. (2014), with the reset after the recurrent product, as the common libraries have it.
    """

    def drive_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return (4, *shape)

    def init(self, shape: tuple[int, ...], key: PRNGKeyArray) -> GatedState:
        return GatedState(jnp.zeros(shape))

    def step(self, drive: Drive, state: GatedState, dt: float) -> tuple[Array, GatedState]:
        current = drive.current
        reset, update = jax.nn.sigmoid(current[:, RESET]), jax.nn.sigmoid(current[:, UPDATE])
        candidate = jnp.tanh(current[:, OUTSIDE] + reset * current[:, WITHIN])
        value = (1 - update) * candidate + update * state.voltage
        return value, GatedState(value)
