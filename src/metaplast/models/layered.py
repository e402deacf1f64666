"""Layers of spiking cells one after the other, each fed by parallel synaptic channels."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import log, prod
from typing import NamedTuple
from zlib import crc32

import jax
import jax.numpy as jnp
from jaxtyping import Array, PRNGKeyArray

from metaplast.connections import Dense
from metaplast.mechanism import Mechanism, chain
from metaplast.network import Network, Population, Projection
from metaplast.neurons import LIF, Relay
from metaplast.surrogate import Rectangular, Surrogate

INPUT, OUTPUT = "input", "output"
"""Names of the first and the last population."""


class Cells(NamedTuple):
    """The neuron of Wu et al. (2022): V_t = keep (V_{t-1} - threshold S_{t-1}) + I_t, S_t = [V_t > threshold]."""

    threshold: float = 0.35
    keep: float = 0.4
    surrogate: Surrogate = Rectangular(1.0)

    def neuron(self, dt: float) -> LIF:
        """The same as a `LIF`, whose current enters with the factor 1 - keep."""
        return LIF(
            tau=jnp.asarray(-dt / log(self.keep)),
            threshold=jnp.asarray(self.threshold),
            resistance=jnp.asarray(1.0 / (1.0 - self.keep)),
            surrogate=self.surrogate,
        )


@dataclass(frozen=True)
class Channel:
    """One of the parallel projections into a layer: a weight of its own, and perhaps a mechanism that changes it."""

    name: str
    scale: float = 1.0
    """Initial weights are uniform within scale / sqrt(inputs of a cell); 0: they start at zero."""
    plasticity: Callable[[tuple[int, ...], tuple[int, ...], PRNGKeyArray], Mechanism] | None = None
    """Mechanism for (source shape, target shape, key), so that a rule may have a number for each cell."""
    linear: bool = False
    """Whether its current is never normalised: self-backpropagation follows nudges through the transposed weights."""


class Wiring(NamedTuple):
    """One layer and what arrives there."""

    layer: str
    """Name of its population."""
    channels: tuple[str, ...]
    cells: tuple[int, ...]
    """Shape of the population."""


def projection_name(layer: str, channel: str) -> str:
    """Name of the projection that is `channel` of `layer`."""
    return f"{layer}-{channel}"


def layer_names(layers: int) -> tuple[str, ...]:
    """Names of so many layers after the input: hidden1, hidden2, ..., output."""
    return (*(f"hidden{place}" for place in range(1, layers)), OUTPUT)


def wiring_of(network: Network) -> tuple[Wiring, ...]:
    """Layers of a network in the order in which activity passes them, and their channels by name.

    Any network whose projections are called `<layer>-<channel>` will do, convolutional ones included.
    """
    found: dict[str, list[str]] = {name: [] for names in network.blocks() for name in names}
    for name, projection in network.projections.items():
        prefix = f"{projection.target}-"
        if name.startswith(prefix) and projection.port == "current":
            found[projection.target].append(name.removeprefix(prefix))
    shape_of = {name: population.shape for name, population in network.populations.items()}
    return tuple(Wiring(layer, tuple(names), shape_of[layer]) for layer, names in found.items() if names)


def layered(
    key: PRNGKeyArray,
    sizes: Sequence[int | tuple[int, ...]],
    channels: Sequence[Sequence[Channel]],
    *,
    cells: Cells | None = None,
    dt: float = 1.0,
) -> Network:
    """A network of fully connected layers; the input is a relay, so analogue values are injected as they are.

    `sizes` are the shapes from input to output, `channels` what each layer after the input has. Weights and biases
    start uniform within 1 / sqrt(inputs), as `torch.nn.Linear` of the published demo does.

    Reference: Wu et al. (2022), Nature Communications 13:65, and its public code.

    Raises:
        ValueError: too few sizes, or channels that do not fit them.
    """
    if len(sizes) < 2 or len(channels) != len(sizes) - 1:
        raise ValueError(f"{len(sizes)} sizes take {len(sizes) - 1} lists of channels, got {len(channels)}")
    shapes = [(size,) if isinstance(size, int) else tuple(size) for size in sizes]
    names = (INPUT, *layer_names(len(sizes) - 1))
    neuron = (cells or Cells()).neuron(dt)
    populations, projections = {INPUT: Population(Relay(), shapes[0])}, {}
    for place, arriving in enumerate(channels, 1):
        source, layer, inputs = names[place - 1], names[place], prod(shapes[place - 1])
        layer_key = jax.random.fold_in(key, place)
        bias = _uniform(jax.random.fold_in(layer_key, 0), shapes[place], inputs)
        populations[layer] = Population(neuron, shapes[place], bias=bias)
        for channel in arriving:
            # By name, so that a channel starts alike whichever others there are beside it.
            channel_key = jax.random.fold_in(layer_key, crc32(channel.name.encode()))
            projections[projection_name(layer, channel.name)] = _projection(
                channel_key, channel, (source, shapes[place - 1]), (layer, shapes[place])
            )
    return Network(populations, projections, dt)


def _projection(
    key: PRNGKeyArray, channel: Channel, source: tuple[str, tuple[int, ...]], target: tuple[str, tuple[int, ...]]
) -> Projection:
    weight_key, rule_key = jax.random.split(key)
    inputs = prod(source[1])
    weight = channel.scale * _uniform(weight_key, (inputs, *target[1]), inputs)
    plasticity = channel.plasticity(source[1], target[1], rule_key) if channel.plasticity else chain()
    return Projection(source[0], target[0], Dense(), weight, plasticity=plasticity, gain=jnp.ones(()))


def _uniform(key: PRNGKeyArray, shape: tuple[int, ...], inputs: int) -> Array:
    bound = inputs**-0.5
    return jax.random.uniform(key, shape, minval=-bound, maxval=bound)
