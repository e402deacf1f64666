"""The interface of a neuron model, and the ways a spike can reset it."""

from abc import abstractmethod
from typing import Any, ClassVar

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from metaplast.signals import Drive


class Neuron(eqx.Module):
    """A point (or a few compartments) that turns a drive into spikes or a graded value.

    Parameters are scalars or have the shape of the population; states carry one leading batch axis, so an
    equation written elementwise serves a single neuron and a batch of feature maps alike.
    """

    memoryless: ClassVar[bool] = False
    """Whether a step needs no state, so that the engine may take all time steps at once."""

    @abstractmethod
    def init(self, shape: tuple[int, ...], key: PRNGKeyArray) -> Any:
        """State at rest for `shape` = (batch, *population); a NamedTuple with a field `voltage`."""

    @abstractmethod
    def step(self, drive: Drive, state: Any, dt: float) -> tuple[Array, Any]:
        """One step of `dt` ms: what the cell sends, and its next state."""

    def drive_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Shape of the current for a population of `shape`; a neuron with dendrites puts a branch axis in front."""
        return shape


def soft_reset(voltage: Array, spikes: Array, threshold: Array) -> Array:
    """Amount to take from the voltage after a spike: the threshold. What exceeds it is kept."""
    return spikes * threshold


def hard_reset(voltage: Array, spikes: Array, threshold: Array) -> Array:
    """Amount to take from the voltage after a spike: all of it, back to zero."""
    return spikes * voltage


def decay(tau: Float[Array, "..."], dt: float) -> Float[Array, "..."]:
    """Fraction that an exponential with time constant `tau` (ms) keeps over `dt` (ms): exp(-dt / tau)."""
    return jnp.exp(-dt / tau)
