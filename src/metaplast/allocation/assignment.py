"""Assignment: how much each mechanism contributes to the current of each layer.

A policy maps its parameters, and the epoch, to the gain of every channel of every layer. What a policy learns it
learns by the gradient of the loss, like any other parameter; its paths are `assignment.*`.
"""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from metaplast.models.layered import Wiring
from metaplast.params import strong_float

Gains = dict[str, dict[str, Array]]
"""By layer and channel: a scalar, or one number a cell of the layer."""


class Assignment(eqx.Module):
    """Gains of the channels of each layer."""

    learned: ClassVar[bool] = False
    """Whether it has parameters that the gradient of the loss should move."""

    wiring: tuple[Wiring, ...] = eqx.field(static=True)

    @abstractmethod
    def gains(self, epoch: Float[Array, ""]) -> Gains:
        """Gain of every channel of every layer in an epoch, counted from 0."""


def by_channel(wiring: Wiring, values: Array) -> dict[str, Array]:
    """Rows of `values` by the names of the channels of one layer."""
    return dict(zip(wiring.channels, values, strict=True))


class Equal(Assignment):
    """c_k = 1: every channel counts alike."""

    def gains(self, epoch: Float[Array, ""]) -> Gains:
        return {layer.layer: by_channel(layer, jnp.ones(len(layer.channels))) for layer in self.wiring}


class Fixed(Assignment):
    """c_k as given, by channel (alike in all layers), or by layer and channel; what is not named has 1."""

    values: dict[str, Float[Array, " channels"]]

    def gains(self, epoch: Float[Array, ""]) -> Gains:
        return {layer.layer: by_channel(layer, self.values[layer.layer]) for layer in self.wiring}


class Softmax(Assignment):
    """c = mean K softmax(a) over the K channels of a layer: they share a budget, equal at the start."""

    learned: ClassVar[bool] = True
    logits: dict[str, Float[Array, " channels"]]
    mean: float = eqx.field(default=1.0, static=True)

    def gains(self, epoch: Float[Array, ""]) -> Gains:
        return {
            layer.layer: by_channel(layer, self.mean * len(layer.channels) * jax.nn.softmax(self.logits[layer.layer]))
            for layer in self.wiring
        }


class Free(Assignment):
    """c_k is a scalar of its own for every channel of a layer, 1 at the start."""

    learned: ClassVar[bool] = True
    values: dict[str, Float[Array, " channels"]]

    def gains(self, epoch: Float[Array, ""]) -> Gains:
        return {layer.layer: by_channel(layer, self.values[layer.layer]) for layer in self.wiring}


class PerNeuron(Assignment):
    """c = K softmax(a) over channels, for every postsynaptic cell (of a feature map: every cell of it)."""

    learned: ClassVar[bool] = True
    logits: dict[str, Float[Array, "channels *cells"]]

    def gains(self, epoch: Float[Array, ""]) -> Gains:
        return {
            layer.layer: by_channel(layer, len(layer.channels) * jax.nn.softmax(self.logits[layer.layer], axis=0))
            for layer in self.wiring
        }


class Scheduled(Assignment):
    """c_k goes in a straight line from `start` to `end` over the first `epochs` epochs, and stays there."""

    start: dict[str, Float[Array, " channels"]]
    end: dict[str, Float[Array, " channels"]]
    epochs: int = eqx.field(static=True)

    def gains(self, epoch: Float[Array, ""]) -> Gains:
        share = jnp.clip(epoch / max(self.epochs, 1), 0.0, 1.0)
        return {
            layer.layer: by_channel(layer, (1 - share) * self.start[layer.layer] + share * self.end[layer.layer])
            for layer in self.wiring
        }


Given = Mapping[str, float | Mapping[str, float]]
"""Gains as a configuration gives them: by channel, or by layer and then by channel."""


def equal(wiring: Sequence[Wiring]) -> Equal:
    """Every channel counts alike."""
    return Equal(tuple(wiring))


def fixed(wiring: Sequence[Wiring], values: Given) -> Fixed:
    """Gains as given.

    Raises:
        ValueError: a value for a layer or a channel that there is not.
    """
    return Fixed(tuple(wiring), _given(wiring, values))


def softmax(wiring: Sequence[Wiring], mean: float = 1.0) -> Softmax:
    """One budget a layer, learned; `mean` is the gain with which every channel starts."""
    return Softmax(tuple(wiring), {layer.layer: jnp.zeros(len(layer.channels)) for layer in wiring}, mean)


def free(wiring: Sequence[Wiring], values: Given | None = None) -> Free:
    """A learned scalar for each channel and layer; `values` are where they start."""
    return Free(tuple(wiring), _given(wiring, values or {}))


def per_neuron(wiring: Sequence[Wiring]) -> PerNeuron:
    """One budget a cell, learned."""
    return PerNeuron(tuple(wiring), {layer.layer: jnp.zeros((len(layer.channels), *layer.cells)) for layer in wiring})


def scheduled(wiring: Sequence[Wiring], start: Given, end: Given, epochs: int) -> Scheduled:
    """From one set of gains to another over so many epochs."""
    return Scheduled(tuple(wiring), _given(wiring, start), _given(wiring, end), epochs)


def _given(wiring: Sequence[Wiring], values: Given) -> dict[str, Array]:
    """Gains in the order of the channels of each layer, 1 where nothing is said."""
    layers = [layer.layer for layer in wiring]
    channels = sorted({name for layer in wiring for name in layer.channels})
    for name, value in values.items():
        inner = value if isinstance(value, Mapping) else None
        known = channels if inner is None else layers
        for asked, there in ((name, known), *((key, channels) for key in inner or ())):
            if asked not in there:
                raise ValueError(f"gain of {asked!r}: there is none of this name; there are: {', '.join(there)}")
    return {
        layer.layer: strong_float(np.array([_one(values, layer.layer, channel) for channel in layer.channels]))
        for layer in wiring
    }


def _one(values: Given, layer: str, channel: str) -> float:
    """The gain of one channel of one layer: said for the layer, else for all layers, else 1."""
    inner = values.get(layer)
    if isinstance(inner, Mapping) and channel in inner:
        return inner[channel]
    everywhere = values.get(channel, 1.0)
    return 1.0 if isinstance(everywhere, Mapping) else everywhere
