"""What a learner needs of a model, spiking or not."""

from abc import abstractmethod
from typing import ClassVar, NamedTuple

import equinox as eqx
from jaxtyping import Array, Float, PRNGKeyArray


class Response(NamedTuple):
    """What a model does on a batch of trials."""

    output: Float[Array, "time batch outputs"]
    """Logits of the choices."""
    hidden: Float[Array, "time batch neurons"]
    """Recurrent activation: membranes of a spiking network, rates of others. The homeostatic term reads it."""
    activity: Float[Array, "time batch neurons"]
    """What the recurrent cells send: spikes, or rates."""


class Weights(NamedTuple):
    """The three weight matrices that are priced."""

    input: Float[Array, "..."]
    recurrent: Float[Array, "..."]
    output: Float[Array, "..."]


class Model(eqx.Module):
    """Anything that answers a batch of trials and whose leaves can be learned."""

    spiking: ClassVar[bool] = False
    """Whether its activity is spikes, so that it has a firing rate."""

    @abstractmethod
    def respond(self, inputs: Float[Array, "time batch channels"], key: PRNGKeyArray) -> Response:
        """Answer a batch of trials, each from rest."""

    @abstractmethod
    def weights(self) -> Weights:
        """The weights that regularisers act on."""
