"""When a problem counts as solved."""

from typing import NamedTuple

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from metaplast.learning.base import Metrics


class CriterionState(NamedTuple):
    losses: Float[Array, " window"]
    accuracies: Float[Array, " window"]


class Criterion(eqx.Module):
    """Solved when the mean over the last `window` updates passes every bound that is set.

    Raises:
        ValueError: no bound at all, or an empty window.
    """

    loss_below: float | None = eqx.field(default=None, static=True)
    accuracy_above: float | None = eqx.field(default=None, static=True)
    window: int = eqx.field(default=5, static=True)

    def __check_init__(self) -> None:
        if self.loss_below is None and self.accuracy_above is None:
            raise ValueError("criterion has no bound; give loss_below, accuracy_above or both")
        if self.window < 1:
            raise ValueError(f"criterion.window is {self.window}; it counts updates, so give at least 1")

    def init(self) -> CriterionState:
        """Nothing measured yet: no mean over an unfilled window can pass."""
        return CriterionState(jnp.full(self.window, jnp.inf), jnp.full(self.window, -jnp.inf))

    def update(self, state: CriterionState, metrics: Metrics) -> CriterionState:
        losses = jnp.concatenate([state.losses[1:], metrics.loss[None]])
        return CriterionState(losses, jnp.concatenate([state.accuracies[1:], metrics.accuracy[None]]))

    def reached(self, state: CriterionState) -> Bool[Array, ""]:
        passed = jnp.asarray(True)
        if self.loss_below is not None:
            passed = passed & (jnp.mean(state.losses) < self.loss_below)
        if self.accuracy_above is not None:
            passed = passed & (jnp.mean(state.accuracies) > self.accuracy_above)
        return passed

    def broken(self, state: CriterionState) -> Bool[Array, ""]:
        """Whether the last loss is not a number: the problem has failed."""
        return jnp.isnan(state.losses[-1])
