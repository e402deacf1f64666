"""Masks by gradient: gates between closed and open, with a price on every open one."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, PRNGKeyArray

from metaplast.allocation.search import Pilot, Search
from metaplast.allocation.space import Mask, Space

LOW, HIGH = -0.1, 1.1
"""Between these a gate is stretched before it is clipped to 0 and 1, so that it can be fully closed or open."""


class Relaxed(Search):
    """Hard-concrete gates on learning rates, learned through k inner updates.

    s = sigmoid((log u - log(1 - u) + a) / temperature), u uniform;   gate z = clip(s (1.1 + 0.1) - 0.1, 0, 1)
    a falls along the gradient of <task loss over k updates with rates z * rate> + price * sum of P(z > 0)

    The loss is that of a network that has learned `warm` pilot problems with all gates open. A group is learnable in
    the end if its gate is more likely open than closed. Through spikes the gradient is a surrogate, and far off where
    it was measured (docs/results.md): check what it finds with another search.

    Reference: Louizos, Welling & Kingma (2018), eqs 10 to 12; that the gates act on learning rates is our own.
    """

    steps: int = eqx.field(default=150, static=True)
    """Steps of the gates."""
    warm: int = eqx.field(default=10, static=True)
    """Pilot problems before the gates are learned."""
    rate: float = eqx.field(default=0.1, static=True)
    """Adam's learning rate of the gates."""
    price: float = eqx.field(default=5e-5, static=True)
    """Price of an open gate, in units of the loss (nats)."""
    temperature: float = eqx.field(default=0.66, static=True)

    def __check_init__(self) -> None:
        self._at_least(1, "steps", "warm")
        self._at_least(0, "price")
        for name in ("rate", "temperature"):
            value = getattr(self, name)
            if not value > 0:
                raise ValueError(f"{name} is {value}; give a number above 0")

    def choose(self, space: Space, pilot: Pilot, seed: int) -> Mask:
        slope = pilot.slope(self.warm)
        optimiser = optax.adam(self.rate)
        logits = jnp.zeros(len(space.groups))
        state = optimiser.init(logits)
        for step in range(self.steps):
            key = jax.random.fold_in(jax.random.key(seed), step)
            gates, pull = jax.vjp(lambda logits, key=key: self.gates(logits, key), logits)
            (change,) = pull(jnp.asarray(slope(np.asarray(gates), step), gates.dtype))
            change = change + jax.grad(lambda logits: self.price * self.open(logits).sum())(logits)
            moved, state = optimiser.update(change, state)
            logits = logits + jnp.asarray(moved)
        return tuple(bool(likely) for likely in self.open(logits) > 0.5)

    def gates(self, logits: Float[Array, " groups"], key: PRNGKeyArray) -> Float[Array, " groups"]:
        """Gates drawn for one step."""
        uniform = jax.random.uniform(key, logits.shape, minval=1e-6, maxval=1 - 1e-6)
        soft = jax.nn.sigmoid((jnp.log(uniform) - jnp.log1p(-uniform) + logits) / self.temperature)
        return jnp.clip(soft * (HIGH - LOW) + LOW, 0.0, 1.0)

    def open(self, logits: Float[Array, " groups"]) -> Float[Array, " groups"]:
        """Probability that a gate is not closed."""
        return jax.nn.sigmoid(logits - self.temperature * np.log(-LOW / HIGH))
