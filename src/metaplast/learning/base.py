"""The interface of a learner, and what it tells of a step."""

from abc import abstractmethod
from typing import Any, NamedTuple

import equinox as eqx
from jaxtyping import Array, Float, PRNGKeyArray

from metaplast.models.base import Model
from metaplast.tasks.base import Trial


class Metrics(NamedTuple):
    """What one update measured, before it changed anything."""

    loss: Float[Array, ""]
    """Task loss, without the price terms."""
    accuracy: Float[Array, ""]
    """Fraction of trials answered rightly."""
    activity: Float[Array, ""]
    """Mean of what the recurrent cells sent: for spikes, the probability of one per cell and step."""


class Learner(eqx.Module):
    """A fast learning process: it changes a model trial by trial."""

    @abstractmethod
    def init(self, model: Model) -> Any:
        """State before the first problem."""

    @abstractmethod
    def begin(self, model: Model, state: Any) -> Any:
        """State at the start of a new problem."""

    @abstractmethod
    def step(self, model: Model, state: Any, trials: Trial, key: PRNGKeyArray) -> tuple[Model, Any, Metrics]:
        """One update on a batch of trials."""
