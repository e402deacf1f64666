"""The network of a classification experiment, of whichever kind, with all channels in all layers."""

from dataclasses import fields

import equinox as eqx
import jax
from jaxtyping import Array, PRNGKeyArray

from metaplast.config import component
from metaplast.experiments.classification import settings
from metaplast.experiments.classification.data import Data
from metaplast.experiments.classification.settings import ClassificationSettings
from metaplast.mechanism import Mechanism
from metaplast.models import convolutional, residual
from metaplast.models.layered import Cells, Channel, layered
from metaplast.network import Network
from metaplast.plasticity import PLASTICITY
from metaplast.surrogate import SURROGATES

WAYS_BACK = (
    (settings.SelfBackpropagationChannel, ("dense", "convolutional"), "self-backpropagation"),
    (settings.EpropChannel, ("dense",), "e-prop"),
)
"""Kinds of channels that pass on by themselves what is wrong at the output, and the kinds of networks that they can."""


def union(config: ClassificationSettings, data: Data, keys: Array) -> Network:
    """A network with all channels in all layers, seeds on a leading axis: conditions take what they need of it.

    So a channel starts alike in all conditions, and the start is drawn and compiled once.

    Raises:
        ValueError: data of a shape that the layers do not fit, or a channel that cannot learn in this kind of network.
    """
    _check_channels(config)
    try:
        return eqx.filter_jit(eqx.filter_vmap(lambda key: _drawn(config, data, key)))(keys)
    except ValueError as error:
        if config.network.kind == "dense":
            raise
        raise ValueError(
            f"network.stages: {error} (network.kind is {config.network.kind!r}, an example of {data.name} has shape "
            f"{data.shape})"
        ) from None


def _drawn(config: ClassificationSettings, data: Data, key: PRNGKeyArray) -> Network:
    network, classes = config.network, len(data.classes)
    channels = [_channel(name, channel) for name, channel in config.channels.items()]
    cells = Cells(network.threshold, network.keep, component(SURROGATES, network.surrogate, "network.surrogate"))
    if network.kind == "dense":
        sizes = [data.shape, *network.hidden, classes]
        return layered(key, sizes, [channels] * (len(sizes) - 1), cells=cells, dt=network.dt)
    height, width, colours = data.shape
    shape = height, width, colours
    options = {"channels": channels, "cells": cells, "normalised": network.normalises, "dt": network.dt}
    if network.kind == "residual":
        widths = [stage.channels for stage in network.stages]
        return residual(key, shape, widths, classes, dense=network.hidden, **options)
    stages = [stage.stage() for stage in network.stages]
    return convolutional(key, shape, stages, network.hidden, classes, **options)


def _check_channels(config: ClassificationSettings) -> None:
    """Refuse mechanisms in networks through which their own way back from the output does not lead."""
    for name in config.conditions:
        condition = config.condition(name)
        used = {*condition.channels, *condition.readout, *(one for names in condition.layers.values() for one in names)}
        for channel in sorted(used):
            for kind, ways, learner in WAYS_BACK:
                if isinstance(config.channels[channel], kind) and config.network.kind not in ways:
                    raise ValueError(
                        f"conditions.{name}: channel {channel!r} learns by {learner}, which finds no way back "
                        f"through a {config.network.kind} network; leave it out, or take network.kind = {ways[-1]!r}"
                    )


def _channel(name: str, channel: settings.AnyChannel) -> Channel:
    if not isinstance(channel, settings.RuleChannel):
        return Channel(name, channel.scale, linear=isinstance(channel, settings.SelfBackpropagationChannel))

    mechanism = component(PLASTICITY, channel.plasticity, f"channels.{name}.plasticity")
    known = [field.name for field in fields(mechanism)]
    for key in ("learned", "per_source", "per_target"):
        if strange := [each for each in getattr(channel, key) if each not in known]:
            raise ValueError(
                f"channels.{name}.{key} names {', '.join(strange)}, which the rule does not have; there are: "
                f"{', '.join(known)}; write {key} = [] for none"
            )

    def rule(source: tuple[int, ...], target: tuple[int, ...], key: PRNGKeyArray) -> Mechanism:
        made = mechanism
        wide = {**dict.fromkeys(channel.per_source, source), **dict.fromkeys(channel.per_target, target)}
        for place, (field, shape) in enumerate(wide.items()):
            drawn = getattr(made, field) * jax.random.uniform(jax.random.fold_in(key, place), shape)
            made = eqx.tree_at(lambda m, field=field: getattr(m, field), made, drawn)
        return made

    return Channel(name, channel.scale, rule)
