"""A mechanism of one's own: Oja's rule as a fast weight whose strength and rate are learned by gradient."""

from typing import NamedTuple

import jax.numpy as jnp
from jax import Array

from metaplast import Mechanism, param


class OjaState(NamedTuple):
    change: Array


class Oja(Mechanism):
    """dw = rate (x y - y^2 w), with x the arriving spikes and y the membrane (Oja, 1982); w_eff = w + gain * change."""

    rate: Array = param(0.02, low=0.0, high=1.0)
    gain: Array = param(0.5)

    def init(self, flow, local, key):
        return OjaState(jnp.zeros_like(flow.weight))

    def update(self, flow, state, local):
        effective = flow.weight + self.gain * state.change
        growth = local.outer(local.pre, local.voltage)
        decay = local.spread(local.voltage**2) * effective
        change = state.change + self.rate * (growth - decay)
        return flow._replace(weight=flow.weight + self.gain * change), OjaState(change)
