"""A recurrent network of which some cells are silenced."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, PRNGKeyArray

from metaplast.models.axons import AXONS
from metaplast.models.base import Model, Response, Weights
from metaplast.models.recurrent import RECURRENT, Recurrent
from metaplast.network import Projection

SILENCED = (RECURRENT, AXONS)
"""The populations that are lesioned: the cells, and their axons if they have any."""


class Lesioned(Model):
    """A recurrent network whose cells are `alive` or silenced: what remains runs as if the silenced did not exist.

    Weights to and from a silenced cell count as zero: no spike of it arrives anywhere and its membrane reaches no
    readout. Its membrane and spikes are zero where a loss reads them. So the loss depends on no parameter of a silenced
    cell, the gradients of these are exactly zero, and no learner moves them; the stored values stay as they were.
    `alive` is data, so one compiled program serves every lesion, and the intact network with it.

    Own: assumed, since the reviews of IP2-RSNN name lesions of neurons, but not how they are done.
    """

    model: Recurrent
    alive: Bool[Array, " neurons"]

    def respond(self, inputs: Float[Array, "time batch channels"], key: PRNGKeyArray) -> Response:
        response = self.remaining().respond(inputs, key)
        hidden, activity = (jnp.where(self.alive, part, 0.0) for part in (response.hidden, response.activity))
        return Response(response.output, hidden, activity)

    def weights(self) -> Weights:
        return self.remaining().weights()

    def remaining(self) -> Recurrent:
        """The network with zeros for the weights to and from silenced cells."""
        projections = self.model.network.projections
        touched = [name for name, part in projections.items() if _is_weighted_end(part)]
        return eqx.tree_at(
            lambda model: [model.network.projections[name].weight for name in touched],
            self.model,
            [self._remaining_weight(projections[name]) for name in touched],
        )

    def _remaining_weight(self, projection: Projection) -> Array:
        """A weight [pre, ..., post] with zeros in the rows and columns of silenced cells."""
        weight = projection.weight
        assert weight is not None
        if projection.source in SILENCED:
            weight = jnp.where(self.alive.reshape(-1, *[1] * (weight.ndim - 1)), weight, 0.0)
        return jnp.where(self.alive, weight, 0.0) if projection.target in SILENCED else weight


def _is_weighted_end(projection: Projection) -> bool:
    """Whether a projection has weights to or from what is silenced; from a cell to its own axon there are none."""
    return projection.weight is not None and (projection.source in SILENCED or projection.target in SILENCED)
