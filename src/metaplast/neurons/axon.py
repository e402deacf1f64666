"""Axon: hands on what it receives after a delay that can be learned."""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from metaplast.neurons.base import Neuron
from metaplast.params import param
from metaplast.signals import Drive, kept


class AxonState(NamedTuple):
    voltage: Float[Array, "batch *shape"]
    """What arrived at the far end at this step."""
    under_way: Float[Array, "batch longest *shape"]
    """What came in at the last steps, newest first."""


class Axon(Neuron):
    """y_t = x_{t-k};   d y_t / d delay := (x_{t-k-1} - x_{t-k+1}) / 2;   k = the whole number nearest to `delay`.

    Spikes arrive whole, as they do on a chip, and the derivative is that of the line through the neighbours (from the
    end itself at both ends of the range). With a spike at step s and the cotangent g_t of what arrives it is
    (g_{s+k+1} - g_{s+k-1}) / 2, so a delay follows the slope of the error in time. Interpolating the signal as well was
    tried: half a spike at two steps is smoother than a spike, so delays came to rest between any two whole ones.

    A population of axons stands between the cells that send and the weights: connect it `OneToOne`, and project from
    it. `delay` counts steps, as that of a `Projection` does and on top of it, and lies between 0 and `longest`:
    `project` keeps these bounds after every update, and one that is given beyond them acts as the nearer bound.

    Raises:
        ValueError: `longest` below one step.

    Reference: axonal delays and their finite difference after Shrestha and Orchard (2018), SLAYER; the difference is
    theirs of filtered spikes, here of what the population receives.
    """

    delay: Float[Array, "..."] = param(1.0, unit="steps", low=0.0, high="longest")
    longest: int = eqx.field(default=10, static=True)

    def __check_init__(self) -> None:
        if not isinstance(self.longest, int) or isinstance(self.longest, bool) or self.longest < 1:
            raise ValueError(f"Axon.longest is {self.longest!r}; it counts steps, so give a whole number of at least 1")

    def init(self, shape: tuple[int, ...], key: PRNGKeyArray) -> AxonState:
        batch, *cells = shape
        dtype = self.delay.dtype
        return AxonState(jnp.zeros(shape, dtype), jnp.zeros((batch, self.longest, *cells), dtype))

    def step(self, drive: Drive, state: AxonState, dt: float) -> tuple[Array, AxonState]:
        signals = jnp.concatenate([drive.current[:, None], state.under_way], axis=1)
        delay = jnp.broadcast_to(self.delay, drive.current.shape[1:])
        constant = jax.lax.stop_gradient(delay)
        whole = jnp.clip(jnp.round(constant), 0, self.longest)
        sooner, later = (jnp.clip(whole + by, 0, self.longest) for by in (-1, 1))
        slope = kept((self._sent(signals, later) - self._sent(signals, sooner)) / (later - sooner))
        sent = self._sent(signals, whole) + (delay - constant) * slope
        return sent, AxonState(sent, signals[:, :-1])

    def _sent(self, signals: Array, lag: Array) -> Array:
        """The signals of `lag` steps ago, cell by cell: lags [*shape], signals [batch, longest + 1, *shape].

        As a sum over products with one and zeros, since XLA adds up the derivative of a gather element by element.
        """
        lags = jnp.arange(self.longest + 1).reshape(-1, *[1] * lag.ndim)
        return jnp.where(lags == lag, signals, 0).sum(axis=1)
