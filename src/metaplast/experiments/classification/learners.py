"""The learners of all mechanisms of a condition, as a configuration describes them."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Bool

from metaplast.experiments.classification import assignment_settings, settings
from metaplast.experiments.classification.settings import ClassificationSettings
from metaplast.learning.by_eligibility import ByEprop
from metaplast.learning.by_settling import BySelfBackpropagation
from metaplast.learning.classification import Classification
from metaplast.learning.gated import Gated
from metaplast.learning.parts import LOSSES, ByGradient, Part
from metaplast.learning.selfbackprop import SelfBackpropagation
from metaplast.models.convolutional import shortcut_name
from metaplast.models.folding import normalised
from metaplast.models.layered import Wiring, projection_name
from metaplast.network import Network


class Reach(NamedTuple):
    """Layers of a network as a learner sees them that finds its own way back from the output."""

    layers: tuple[str, ...]
    biases: tuple[str, ...]
    """Layers whose constant currents it changes."""
    absent: tuple[str, ...]
    """Layers without its channel."""


def learner_of(
    config: ClassificationSettings, condition: str, wiring: tuple[Wiring, ...], batches: int, network: Network
) -> Classification:
    """The learners of all mechanisms of a condition, for so many batches in all; `network` has all their channels.

    Raises:
        ValueError: a channel that settles by itself is not in all layers.
    """
    changes = batches if config.training.decay else 0
    names = list(dict.fromkeys(channel for layer in wiring for channel in layer.channels))
    parts, every = [], {}
    try:
        for name in names:
            parts += _parts(name, config, wiring, changes, network)
    except ValueError as error:
        raise ValueError(f"conditions.{condition}: {error}") from None
    for layer in wiring:
        rules = {name: config.channels[name] for name in layer.channels}
        every |= {
            projection_name(layer.layer, name): rule.every
            for name, rule in rules.items()
            if isinstance(rule, settings.RuleChannel) and rule.every > 1
        }
    policy = config.condition(condition).assignment
    if isinstance(policy, assignment_settings.LearnedSettings):
        parts.append(ByGradient("assignment", ("assignment.*",), policy.rate, changes))
    return Classification(tuple(parts), LOSSES[config.training.loss], every)


OWNERS = (settings.GradientChannel, settings.EpropChannel, settings.SelfBackpropagationChannel)
"""Kinds of channels whose learner may have the biases of a layer; of several there, the first kind has them."""


def _before(config: ClassificationSettings, name: str, layer: Wiring) -> list[str]:
    """Channels of a layer to which its biases belong rather than to the channel `name`."""
    rank = OWNERS.index(type(config.channels[name]))
    return [other for other in layer.channels if isinstance(config.channels[other], OWNERS[:rank])]


def _parts(
    name: str, config: ClassificationSettings, wiring: tuple[Wiring, ...], changes: int, network: Network
) -> list[Part]:
    """The learner of one channel."""
    channel = config.channels[name]
    layers = [layer.layer for layer in wiring if name in layer.channels]
    projections = [projection_name(layer, name) for layer in layers]
    changes //= channel.every
    if isinstance(channel, settings.GradientChannel):
        weights = tuple(f"network.projections.{projection}.weight" for projection in projections)
        biases = tuple(f"network.populations.{layer}.bias" for layer in layers)
        beside = beside_weights(config, network, name, wiring)
        return [ByGradient(name, weights + biases + beside, channel.rate, changes, every=channel.every)]
    if isinstance(channel, settings.EpropChannel):
        return [_by_eprop(name, channel, _reach(config, name, wiring), LOSSES[config.training.loss], changes)]
    if isinstance(channel, settings.SelfBackpropagationChannel):
        return [_by_settling(name, channel, _reach(config, name, wiring))]
    if isinstance(channel, settings.RuleChannel) and channel.meta_rate > 0:
        coefficients = tuple(
            f"network.projections.{projection}.plasticity.{field}"
            for projection in projections
            for field in channel.learned
        )
        strengths = tuple(f"strength.{projection}" for projection in projections)
        return [ByGradient(name, coefficients + strengths, channel.meta_rate, changes, every=channel.every)]
    return []


def beside_weights(
    config: ClassificationSettings, network: Network, name: str, wiring: tuple[Wiring, ...]
) -> tuple[str, ...]:
    """What a channel that learns by gradient has to learn besides weights and biases of its layers.

    These are scale and shift of its normalised currents, and the shortcuts to layers whose first such channel it is.
    """
    own = [projection_name(layer.layer, name) for layer in wiring if name in layer.channels]
    first = {
        layer.layer: next(
            (one for one in layer.channels if isinstance(config.channels[one], settings.GradientChannel)), None
        )
        for layer in wiring
    }
    shortcuts = [shortcut_name(layer) for layer, channel in first.items() if channel == name]
    weights = [f"network.projections.{one}.weight" for one in shortcuts if _has_weight(network, one)]
    there = normalised(network)
    places = [f"network.projections.{one}.connection" for one in (*own, *shortcuts) if one in there]
    return (*weights, *(f"{place}.{field}" for place in places for field in ("scale", "shift")))


def _has_weight(network: Network, name: str) -> bool:
    return name in network.projections and network.projections[name].weight is not None


def _by_eprop(
    name: str, channel: settings.EpropChannel, reach: Reach, loss: Callable[[Array, Array], Array], changes: int
) -> Part:
    layers, biases, absent = reach
    return ByEprop(name, layers, loss, channel.feedback, channel.rate, changes, biases, absent, every=channel.every)


def _by_settling(name: str, channel: settings.SelfBackpropagationChannel, reach: Reach) -> Part:
    layers, biases, absent = reach
    rates = [*channel.rates[:1] * (len(layers) - len(channel.rates)), *channel.rates][-len(layers) :]
    rule, clock = SelfBackpropagation(rates, beta=channel.beta), channel.every
    return BySelfBackpropagation(name, rule, layers, channel.warm, biases, absent, retain=channel.retain, every=clock)


def _reach(config: ClassificationSettings, name: str, wiring: tuple[Wiring, ...]) -> Reach:
    """How far a channel reaches whose learner finds its own way back from the output."""
    present = [layer for layer in wiring if name in layer.channels]
    biases = tuple(layer.layer for layer in present if not _before(config, name, layer))
    absent = tuple(layer.layer for layer in wiring if name not in layer.channels)
    return Reach(tuple(layer.layer for layer in wiring), biases, absent)


def behind_gates(
    config: ClassificationSettings,
    learner: Classification,
    wiring: tuple[Wiring, ...],
    present: Mapping[str, Bool[Array, ""]],
) -> Classification:
    """The same learner with every channel closed in the layers where it is not `present`, by projection.

    So it learns what the learner of a condition without these projections would: biases go by the same rules.
    """
    return replace(learner, parts=tuple(_gated(config, part, wiring, present) for part in learner.parts))


def _gated(
    config: ClassificationSettings, part: Part, wiring: tuple[Wiring, ...], present: Mapping[str, Bool[Array, ""]]
) -> Part:
    gates = {}
    for layer in (layer for layer in wiring if part.name in layer.channels):
        projection = projection_name(layer.layer, part.name)
        here, bias = present[projection], f"network.populations.{layer.layer}.bias"
        if isinstance(part, ByGradient):
            roots = (f"network.projections.{projection}.", f"strength.{projection}", bias)
            gates |= {path: here for path in part.patterns if path.startswith(roots)}
        else:
            owners = _before(config, part.name, layer)
            others = [present[projection_name(layer.layer, name)] for name in owners]
            gates[f"network.projections.{projection}.weight"] = here
            gates[bias] = here & ~jnp.any(jnp.stack(others)) if others else here
    if isinstance(part, BySelfBackpropagation | ByEprop):
        part = replace(part, biases=part.layers)
    return Gated.of(part, gates)
