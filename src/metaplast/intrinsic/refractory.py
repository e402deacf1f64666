"""Absolute refractoriness."""

from typing import NamedTuple

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from metaplast.mechanism import Mechanism
from metaplast.signals import Drive, Local

OUT_OF_REACH = 1e6
"""Added to the threshold while refractory; finite, since a soft reset multiplies the threshold by a spike of zero."""


class RefractoryState(NamedTuple):
    remaining: Float[Array, "batch *shape"]
    """Time until the cell may spike again (ms)."""


class Refractory(Mechanism):
    """No spike within `period` ms after a spike; the membrane goes on integrating.

    The period is static: the number of silent steps is period / dt, rounded, which has no gradient.
    Own: a plain counter of the time since the last spike.

    Raises:
        ValueError: a negative period.
    """

    period: float = eqx.field(default=2.0, static=True)

    def __check_init__(self) -> None:
        if self.period < 0:
            raise ValueError(f"Refractory.period is {self.period} ms; it must not be negative")

    def init(self, flow: Drive, local: Local, key: PRNGKeyArray) -> RefractoryState:
        return RefractoryState(jnp.zeros_like(local.post))

    def update(self, flow: Drive, state: RefractoryState, local: Local) -> tuple[Drive, RefractoryState]:
        remaining = jnp.where(local.post > 0, self.period, state.remaining - local.dt)
        # Half a step of tolerance: repeated subtraction of dt must not add a silent step by rounding.
        blocked = (remaining > local.dt / 2).astype(remaining.dtype)
        return flow._replace(threshold=flow.threshold + OUT_OF_REACH * blocked), RefractoryState(remaining)
