"""Spike function and the surrogate derivatives that stand in for its own.

The forward pass is the Heaviside step of `x = voltage - threshold`; the derivative of the step, zero almost
everywhere, is replaced by a bump of x. The constants of a surrogate are static: they shape the gradient, so no
gradient can learn them.
Reference: Neftci, Mostafa & Zenke (2019), Surrogate gradient learning in spiking neural networks.
"""

from abc import abstractmethod

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float


class Surrogate(eqx.Module):
    """A stand-in for the derivative of the spike."""

    @abstractmethod
    def derivative(self, x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        """Surrogate of d spike / d x at `x = voltage - threshold`."""


@jax.custom_jvp
def _spike(x: Array, surrogate: Surrogate) -> Array:
    return (x > 0).astype(x.dtype)


@_spike.defjvp
def _spike_jvp(primals: tuple[Array, Surrogate], tangents: tuple[Array, Surrogate]) -> tuple[Array, Array]:
    x, surrogate = primals
    return _spike(x, surrogate), surrogate.derivative(x) * tangents[0]


def spike(x: Float[Array, "*shape"], surrogate: Surrogate) -> Float[Array, "*shape"]:
    """1 where `x > 0`, else 0; differentiated as `surrogate.derivative(x)`."""
    return _spike(x, surrogate)


class Triangular(Surrogate):
    """height * max(0, 1 - |x| / width). Reference: Bellec et al. (2018)."""

    width: float = eqx.field(default=1.0, static=True)
    height: float = eqx.field(default=1.0, static=True)

    def derivative(self, x: Array) -> Array:
        return self.height * jnp.maximum(0.0, 1.0 - jnp.abs(x) / self.width)


class Rectangular(Surrogate):
    """1 / width where |x| < width / 2. Reference: Wu et al. (2018), STBP, eq. 24."""

    width: float = eqx.field(default=1.0, static=True)

    def derivative(self, x: Array) -> Array:
        return (jnp.abs(x) < self.width / 2).astype(x.dtype) / self.width


class Arctan(Surrogate):
    """(slope / 2) / (1 + (pi slope x / 2)^2). Reference: Fang et al. (2021)."""

    slope: float = eqx.field(default=2.0, static=True)

    def derivative(self, x: Array) -> Array:
        return self.slope / 2 / (1.0 + jnp.square(jnp.pi / 2 * self.slope * x))


class FastSigmoid(Surrogate):
    """1 / (1 + slope |x|)^2. Reference: Zenke & Ganguli (2018), SuperSpike."""

    slope: float = eqx.field(default=25.0, static=True)

    def derivative(self, x: Array) -> Array:
        return 1.0 / jnp.square(1.0 + self.slope * jnp.abs(x))


def _normal_density(x: Array, mean: float, deviation: float) -> Array:
    return jnp.exp(-0.5 * jnp.square((x - mean) / deviation)) / (deviation * jnp.sqrt(2 * jnp.pi))


class Gaussian(Surrogate):
    """Density of N(0, deviation) at x. Reference: Yin, Corradi & Bohte (2021)."""

    deviation: float = eqx.field(default=0.5, static=True)

    def derivative(self, x: Array) -> Array:
        return _normal_density(x, 0.0, self.deviation)


class MultiGaussian(Surrogate):
    """scale [(1 + h) N(x; 0, d) - h N(x; d, s d) - h N(x; -d, s d)], negative at the flanks.

    Reference: Yin, Corradi & Bohte (2021); the constants are those of DH-SNN (Zheng et al., 2024).
    """

    deviation: float = eqx.field(default=0.5, static=True)
    height: float = eqx.field(default=0.15, static=True)
    spread: float = eqx.field(default=6.0, static=True)
    scale: float = eqx.field(default=0.5, static=True)

    def derivative(self, x: Array) -> Array:
        centre = _normal_density(x, 0.0, self.deviation)
        wide = self.spread * self.deviation
        flanks = _normal_density(x, self.deviation, wide) + _normal_density(x, -self.deviation, wide)
        return self.scale * ((1.0 + self.height) * centre - self.height * flanks)


SURROGATES: dict[str, type[Surrogate]] = {
    "triangular": Triangular,
    "rectangular": Rectangular,
    "arctan": Arctan,
    "fast-sigmoid": FastSigmoid,
    "gaussian": Gaussian,
    "multi-gaussian": MultiGaussian,
}
