"""The interface of tasks: a family yields problems, a problem yields trials, all of them arrays made on the device."""

import math
from abc import abstractmethod
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, PRNGKeyArray


class Trial(NamedTuple):
    """A batch of trials."""

    inputs: Float[Array, "time batch channels"]
    target: Int[Array, "time batch"]
    """Wanted output at every step."""
    mask: Float[Array, "time batch"]
    """Weight of every step in the loss."""
    decision: Float[Array, "time batch"]
    """1 where the answer is judged: accuracy compares the mean output over these steps with the target there."""


class Problem(eqx.Module):
    """One problem: fixed stimuli and a fixed mapping."""

    @abstractmethod
    def trials(self, key: PRNGKeyArray, batch: int) -> Trial:
        """Random trials of this problem."""


class Family(eqx.Module):
    """A family of problems. Every field is a setting that a configuration file may give; times are in ms."""

    dt: float = eqx.field(static=True)

    @property
    @abstractmethod
    def channels(self) -> int:
        """Number of input channels."""

    @property
    @abstractmethod
    def outputs(self) -> int:
        """Number of output channels."""

    @property
    def output_names(self) -> tuple[str, ...]:
        """What each output channel stands for, for figures."""
        return tuple(f"output {channel}" for channel in range(self.outputs))

    @abstractmethod
    def sample(self, key: PRNGKeyArray) -> Problem:
        """A new problem: new stimuli and, where the family has one, a new mapping."""

    @abstractmethod
    def periods(self) -> dict[str, float]:
        """Duration of the periods of a trial, in order (ms)."""


def setting(default: Any, help: str, unit: str = "") -> Any:
    """Declare a static setting of a family with a sentence on what it is."""
    return eqx.field(default=default, static=True, metadata={"help": help, "unit": unit})


def count_steps(name: str, duration: float, dt: float) -> int:
    """Number of steps of `dt` in `duration` (both ms).

    Raises:
        ValueError: not a whole number of steps, or negative; a step that is not positive.
    """
    if not 0 < dt < math.inf:
        raise ValueError(f"dt is {dt} ms; a time step must be positive")
    if not 0 <= duration < math.inf:
        raise ValueError(f"{name} is {duration} ms; a duration must be finite and not negative")
    steps = round(duration / dt)
    if abs(steps * dt - duration) > 1e-6 * max(1.0, duration):
        raise ValueError(f"{name} is {duration} ms, which is not a whole number of steps of {dt} ms")
    return steps


def spans(periods: dict[str, float], dt: float) -> dict[str, slice]:
    """Steps of every period, one after the other."""
    result, start = {}, 0
    for name, duration in periods.items():
        stop = start + count_steps(name, duration, dt)
        result[name] = slice(start, stop)
        start = stop
    return result


def orthonormal(key: PRNGKeyArray, count: int, size: int) -> Float[Array, "count size"]:
    """Random orthonormal vectors, in every direction alike: Gaussian ones made orthonormal by Gram-Schmidt.

    Raises:
        ValueError: more vectors than dimensions.
    """
    if count > size:
        raise ValueError(f"{count} orthonormal stimuli do not fit into stimulus_size = {size} channels")
    vectors, lengths = jnp.linalg.qr(jax.random.normal(key, (size, count)))
    # Householder reflections leave the signs of the diagonal to the drawn numbers, so that channel 0 of the first
    # vector would be negative in every problem. Gram-Schmidt has a positive diagonal, which makes it unique.
    return (vectors * jnp.where(jnp.diag(lengths) < 0, -1.0, 1.0)).T


def during(steps: int, span: slice) -> Float[Array, " time"]:
    """1 in `span`, else 0."""
    return jnp.zeros(steps).at[span].set(1.0)
