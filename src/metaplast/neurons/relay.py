"""Relay: passes its current on. Inputs, and readouts that are a weighted sum."""

from typing import ClassVar, NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from metaplast.neurons.base import Neuron
from metaplast.signals import Drive


class RelayState(NamedTuple):
    voltage: Float[Array, "batch *shape"]


class Relay(Neuron):
    """y_t = I_t. What is injected into a relay population is what it sends.

    Own: it does nothing, so there is nothing to cite.
    """

    memoryless: ClassVar[bool] = True

    def init(self, shape: tuple[int, ...], key: PRNGKeyArray) -> RelayState:
        return RelayState(jnp.zeros(shape))

    def step(self, drive: Drive, state: RelayState, dt: float) -> tuple[Array, RelayState]:
        return drive.current, RelayState(drive.current)
