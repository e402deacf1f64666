"""Convolutional networks of spiking cells: stages one after the other (VGG-like), or with shortcuts (residual)."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import prod
from typing import NamedTuple
from zlib import crc32

import jax
import jax.numpy as jnp
from jaxtyping import Array, PRNGKeyArray

from metaplast.connections import AveragePool, Connection, Conv, Dense, Normalised
from metaplast.mechanism import chain
from metaplast.models.layered import INPUT, OUTPUT, Cells, Channel, projection_name
from metaplast.network import Network, Population, Projection
from metaplast.neurons import Relay

GRADIENT = Channel("stbp")
"""One channel, learned by the gradient."""


class Stage(NamedTuple):
    """One convolutional layer of spiking cells."""

    channels: int
    kernel: int = 3
    stride: int = 1
    pool: int = 1
    """Side of the windows over which its spikes are averaged on the way to the next layer."""


@dataclass
class _Plan:
    """A network that is being put together; the layer made last is `source`."""

    key: PRNGKeyArray
    cells: Cells
    channels: Sequence[Channel]
    normalised: bool
    recurrent: bool
    dt: float
    populations: dict[str, Population] = field(default_factory=dict)
    projections: dict[str, Projection] = field(default_factory=dict)
    layers: int = 0

    @property
    def source(self) -> str:
        return next(reversed(self.populations))

    def shape(self, name: str) -> tuple[int, ...]:
        return self.populations[name].shape

    def network(self) -> Network:
        return Network(self.populations, self.projections, self.dt)


def convolutional(
    key: PRNGKeyArray,
    shape: tuple[int, int, int],
    stages: Sequence[Stage],
    dense: Sequence[int] = (128,),
    outputs: int = 10,
    *,
    channels: Sequence[Channel] = (GRADIENT,),
    cells: Cells | None = None,
    normalised: bool = True,
    recurrent: bool = False,
    dt: float = 1.0,
) -> Network:
    """Convolutional layers of spiking cells, then fully connected ones: populations input, hidden1, ..., output.

    The input is a relay of `shape` [height, width, channels], into which analogue values, spikes or event frames (one
    channel a polarity) are injected. Projections are called `<layer>-<channel>`, and every layer has all `channels`.
    With `normalised`, the currents of channels without a mechanism, and not `linear`, are brought to the deviation of
    the threshold by `Normalised`, but for those of the output. `recurrent` adds to each convolutional layer a 1 x 1
    convolution with its own spikes of the step before, which starts at zero.

    Raises:
        ValueError: a shape of other than three axes, or stages that leave nothing of the image.
    """
    plan = _begin(key, shape, cells, channels, normalised, recurrent, dt)
    for stage in stages:
        _convolve(plan, stage)
    return _classify(plan, dense, outputs)


def residual(
    key: PRNGKeyArray,
    shape: tuple[int, int, int],
    widths: Sequence[int] = (16, 32, 64),
    outputs: int = 10,
    *,
    dense: Sequence[int] = (),
    channels: Sequence[Channel] = (GRADIENT,),
    cells: Cells | None = None,
    normalised: bool = True,
    dt: float = 1.0,
) -> Network:
    """A small residual network: a first layer, one block of two layers for each of `widths`, a mean over all places.

    Behind the mean are the fully connected layers of `dense`, if any, and the output.

    A block sends the spikes that enter it to its second layer too, over a shortcut: as they are, or through a 1 x 1
    convolution where the channels change. From the second block on, the first layer takes every other place (stride 2).
    The current of an unchanged spike is half the threshold (assumed).

    Reference: Zheng et al. (2021), Going deeper with directly-trained larger spiking neural networks, for blocks whose
    shortcut adds currents before the threshold.
    """
    plan = _begin(key, shape, cells, channels, normalised, False, dt)
    _convolve(plan, Stage(widths[0]))
    for place, width in enumerate(widths):
        start, stride = plan.source, 1 if place == 0 else 2
        _convolve(plan, Stage(width, stride=stride))
        _convolve(plan, Stage(width))
        _shortcut(plan, start, stride)
    _pool(plan, plan.shape(plan.source)[:2])
    return _classify(plan, dense, outputs)


def _begin(
    key: PRNGKeyArray,
    shape: tuple[int, int, int],
    cells: Cells | None,
    channels: Sequence[Channel],
    normalised: bool,
    recurrent: bool,
    dt: float,
) -> _Plan:
    if len(shape) != 3 or min(shape) < 1:
        raise ValueError(f"images of shape {tuple(shape)}; give (height, width, channels), each at least 1")
    if not channels:
        raise ValueError("channels is empty; give at least one `Channel`, such as GRADIENT")
    plan = _Plan(key, cells or Cells(), channels, normalised, recurrent, dt)
    plan.populations[INPUT] = Population(Relay(), tuple(shape))
    return plan


def _convolve(plan: _Plan, stage: Stage) -> None:
    """The next convolutional layer, and what pools it."""
    height, width, depth = plan.shape(plan.source)
    rows, columns = -(-height // stage.stride), -(-width // stage.stride)
    if min(rows, columns) < stage.pool:
        raise ValueError(f"layer {plan.layers + 1} has {rows} x {columns} places; a pool of {stage.pool} leaves none")
    kernel = (stage.kernel, stage.kernel, depth, stage.channels)
    layer = _layer(plan, f"hidden{plan.layers + 1}", (rows, columns, stage.channels), Conv(stride=stage.stride), kernel)
    if plan.recurrent:
        weight = jnp.zeros((1, 1, stage.channels, stage.channels))
        plan.projections[f"loop-{layer}"] = Projection(layer, layer, Conv(), weight, delay=1)
    if stage.pool > 1:
        _pool(plan, (stage.pool, stage.pool))


def _classify(plan: _Plan, dense: Sequence[int], outputs: int) -> Network:
    """Fully connected layers and the output."""
    for size in dense:
        inputs = prod(plan.shape(plan.source))
        _layer(plan, f"hidden{plan.layers + 1}", (size,), Dense(), (inputs, size))
    inputs = prod(plan.shape(plan.source))
    plan.normalised = False  # scores need no common scale
    _layer(plan, OUTPUT, (outputs,), Dense(), (inputs, outputs))
    return plan.network()


def _layer(plan: _Plan, layer: str, shape: tuple[int, ...], connection: Connection, weight: tuple[int, ...]) -> str:
    """A population of spiking cells, and its channels from the layer made last."""
    source = plan.source
    plan.populations[layer] = Population(plan.cells.neuron(plan.dt), shape, bias=jnp.zeros(shape[-1:]))
    layer_key = jax.random.fold_in(plan.key, plan.layers)
    for channel in plan.channels:
        # By name, so that a channel starts alike whichever others there are beside it.
        key = jax.random.fold_in(layer_key, crc32(channel.name.encode()))
        plan.projections[projection_name(layer, channel.name)] = _channel(
            plan, channel, key, (source, layer), connection, weight
        )
    plan.layers += 1
    return layer


def _channel(
    plan: _Plan,
    channel: Channel,
    key: PRNGKeyArray,
    ends: tuple[str, str],
    connection: Connection,
    shape: tuple[int, ...],
) -> Projection:
    weight_key, rule_key = jax.random.split(key)
    weight = _uniform(weight_key, shape, channel.scale)
    source, target = ends
    plasticity = chain()
    if channel.plasticity:
        plasticity = channel.plasticity(plan.shape(source), plan.shape(target), rule_key)
    elif plan.normalised and not channel.linear:
        connection = _normalised(plan, connection, shape[-1])
    return Projection(source, target, connection, weight, plasticity=plasticity, gain=jnp.ones(()))


def _normalised(plan: _Plan, connection: Connection, channels: int) -> Normalised:
    return Normalised(connection, jnp.full(channels, plan.cells.threshold), jnp.zeros(channels))


def shortcut_name(layer: str) -> str:
    """Name of the shortcut that ends at a layer."""
    return f"shortcut-{layer}"


def _shortcut(plan: _Plan, start: str, stride: int) -> None:
    """From the layer where a block begins to the one where it ends."""
    before, after = plan.shape(start)[-1], plan.shape(plan.source)[-1]
    if stride == 1 and before == after:
        connection, weight, gain = AveragePool(1), None, plan.cells.threshold / 2
    else:
        key = jax.random.fold_in(jax.random.fold_in(plan.key, plan.layers), 1)
        connection, weight, gain = Conv(stride=stride), _uniform(key, (1, 1, before, after), GRADIENT.scale), 1.0
        if plan.normalised:
            connection = _normalised(plan, connection, after)
    plan.projections[shortcut_name(plan.source)] = Projection(
        start, plan.source, connection, weight, gain=jnp.asarray(gain, jnp.float32)
    )


def _pool(plan: _Plan, size: tuple[int, ...]) -> None:
    """A relay that averages the layer made last."""
    source = plan.source
    (rows, columns, depth), (high, wide) = plan.shape(source), size
    name = f"pool{plan.layers}"
    plan.populations[name] = Population(Relay(), (rows // high, columns // wide, depth))
    plan.projections[name] = Projection(source, name, AveragePool((high, wide)))


def _uniform(key: PRNGKeyArray, shape: tuple[int, ...], scale: float) -> Array:
    bound = scale * prod(shape[:-1]) ** -0.5
    return jax.random.uniform(key, shape, minval=-bound, maxval=bound)
