"""What recurrent models share: input -> recurrent cells -> readout."""

import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from metaplast.connections import Dense
from metaplast.models.base import Model, Response, Weights
from metaplast.network import Network, NetworkState, Population, Projection, activity, voltage
from metaplast.neurons import Relay
from metaplast.simulate import simulate

RECURRENT = "recurrent"
"""The population of the cells, and their projection onto each other."""


class Recurrent(Model):
    """A network with the populations "input", "recurrent" and "readout", answered trial by trial from rest."""

    network: Network

    def respond(self, inputs: Float[Array, "time batch channels"], key: PRNGKeyArray) -> Response:
        start = self.network.init(inputs.shape[1], key=key)
        response, _ = simulate(self.network, {"input": inputs}, start, record=_response)
        return response

    def weights(self) -> Weights:
        parts = (self.network.projections[name] for name in ("input", RECURRENT, "readout"))
        existing = [part.connection.existing(part.weight) for part in parts]
        # A synapse sits on one branch (or serves one gate): what is priced has one row a source cell.
        return Weights(*(self._as_matrix(weight) for weight in existing))

    def _as_matrix(self, weight: Array) -> Array:
        """[pre, ..., post] as a matrix with one row a source cell."""
        return weight.reshape(weight.shape[0], -1)


def _response(state: NetworkState) -> Response:
    recurrent = state.populations[RECURRENT]
    return Response(state.populations["readout"].activity, voltage(recurrent), recurrent.activity)


def with_readout(
    recurrent: Population,
    inward: Projection,
    within: Projection,
    *,
    channels: int,
    outputs: int,
    dt: float,
    membrane: bool = True,
) -> Network:
    """The network of a recurrent model: its cells, their afferents, and a linear readout that starts at zero."""
    (neurons,) = recurrent.shape
    populations = {
        "input": Population(Relay(), channels),
        RECURRENT: recurrent,
        "readout": Population(Relay(), outputs, bias=jnp.zeros(outputs)),
    }
    read = voltage if membrane else activity
    readout = Projection(RECURRENT, "readout", Dense(), jnp.zeros((neurons, outputs)), read=read)
    return Network(populations, {"input": inward, RECURRENT: within, "readout": readout}, dt)
