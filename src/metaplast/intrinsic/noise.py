"""Noise current."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, PRNGKeyArray

from metaplast.mechanism import Mechanism
from metaplast.params import param
from metaplast.signals import Drive, Local


class NoiseState(NamedTuple):
    key: PRNGKeyArray
    steps: Int[Array, ""]
    """Steps so far: with the key they determine what is drawn next."""
    noise: Float[Array, "batch *drive"]


class Noise(Mechanism):
    """Ornstein-Uhlenbeck current of standard deviation `sigma`, independent for each cell and example.

    n_t = k n_{t-1} + sqrt(1 - k^2) sigma xi_t,   k = exp(-dt / tau),   xi standard normal

    Key and number of steps are part of the state, so a run resumed from a state sees the same noise.

    Reference: Uhlenbeck & Ornstein (1930); exact for any dt (Gillespie, 1996).
    """

    sigma: Float[Array, "..."] = param(0.05, low=0.0)
    tau: Float[Array, "..."] = param(2.0, unit="ms", low=0.01, logarithmic=True)

    def init(self, flow: Drive, local: Local, key: PRNGKeyArray) -> NoiseState:
        key, first = jax.random.split(key)
        start = self.sigma * jax.random.normal(first, flow.current.shape, flow.current.dtype)
        return NoiseState(key, jnp.zeros((), jnp.int32), start)

    def draw(self, state: NoiseState, flow: Drive, steps: int) -> Float[Array, "steps batch *drive"]:
        keys = jax.vmap(lambda step: jax.random.fold_in(state.key, step))(state.steps + jnp.arange(steps))
        return jax.vmap(lambda key: jax.random.normal(key, state.noise.shape, state.noise.dtype))(keys)

    def update(self, flow: Drive, state: NoiseState, local: Local) -> tuple[Drive, NoiseState]:
        keep = jnp.exp(-local.dt / self.tau)
        noise = keep * state.noise + jnp.sqrt(1 - jnp.square(keep)) * self.sigma * local.drawn
        return flow._replace(current=flow.current + noise), NoiseState(state.key, state.steps + 1, noise)
