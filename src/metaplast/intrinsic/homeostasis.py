"""Homeostatic threshold: a cell that fires too often becomes harder to excite."""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from metaplast.mechanism import Mechanism
from metaplast.params import param
from metaplast.signals import Drive, Local


class HomeostasisState(NamedTuple):
    offset: Float[Array, "batch *shape"]
    """Added to the threshold."""


class HomeostaticThreshold(Mechanism):
    """The threshold integrates the difference between what a cell sends and what it should send.

    h_t = h_{t-1} + dt rate (s_{t-1} - target);   threshold_t = threshold + h_t

    `target` is per step, `rate` per ms and in units of the threshold. Unlike an adaptive threshold it has no resting
    value: it stops where the mean of s is the target. Each example has its own within a presentation; their mean is
    carried over to the next, with what the last step sent in the place of the silence before the first one.

    Reference: Diehl & Cook (2015), Frontiers in Computational Neuroscience 9:99, whose theta grows with each spike and
    decays; the integral form, with a target rate, is own.
    """

    target: Float[Array, "..."] = param(0.1, low=0.0)
    rate: Float[Array, "..."] = param(0.001, low=0.0)

    def init(self, flow: Drive, local: Local, key: PRNGKeyArray) -> HomeostasisState:
        return HomeostasisState(jnp.zeros_like(local.post))

    def update(self, flow: Drive, state: HomeostasisState, local: Local) -> tuple[Drive, HomeostasisState]:
        offset = self.learned(state, local)
        return flow._replace(threshold=flow.threshold + offset), HomeostasisState(offset)

    def learned(self, state: HomeostasisState, local: Local) -> Array:
        """Offset after what the cell sent at the last step."""
        return state.offset + local.dt * self.rate * (local.post - self.target)

    def carry(self, state: HomeostasisState, fresh: HomeostasisState, local: Local) -> HomeostasisState:
        # The first step has paid the target of a step at which nothing was sent yet: without this one every
        # presentation would count a spike too few, and cells would send more than they should.
        offset = (state.offset + local.dt * self.rate * local.post).mean(axis=0)
        return HomeostasisState(jnp.broadcast_to(offset, fresh.offset.shape))
