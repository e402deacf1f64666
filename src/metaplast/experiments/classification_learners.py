"""The learners of a classification experiment: one for each mechanism of a condition, and one for the assignment."""

from metaplast.experiments import classification_settings as settings
from metaplast.experiments.classification_settings import ClassificationSettings
from metaplast.learning.by_settling import BySelfBackpropagation
from metaplast.learning.classification import Classification
from metaplast.learning.parts import LOSSES, ByGradient, Part
from metaplast.learning.selfbackprop import SelfBackpropagation
from metaplast.models.layered import Wiring, projection_name


def learner_of(
    config: ClassificationSettings, condition: str, wiring: tuple[Wiring, ...], batches: int
) -> Classification:
    """The learners of all mechanisms of a condition, which see so many batches in all."""
    changes = batches if config.training.decay else 0
    names = list(dict.fromkeys(channel for layer in wiring for channel in layer.channels))
    owned = [layer.layer for layer in wiring if any(_is_gradient(config, channel) for channel in layer.channels)]
    parts, every = [], {}
    for name in names:
        channel, layers = config.channels[name], [layer.layer for layer in wiring if name in layer.channels]
        projections = [projection_name(layer, name) for layer in layers]
        if isinstance(channel, settings.RuleChannel):
            every |= dict.fromkeys(projections, channel.every)
        parts += _parts(name, channel, layers, projections, owned, changes)
    policy = config.conditions[condition].assignment
    if isinstance(policy, settings.LearnedSettings):
        parts.append(ByGradient("assignment", ("assignment.*",), policy.rate, changes))
    clocks = {projection: turn for projection, turn in every.items() if turn > 1}
    return Classification(tuple(parts), LOSSES[config.training.loss], clocks)


def _is_gradient(config: ClassificationSettings, channel: str) -> bool:
    return isinstance(config.channels[channel], settings.GradientChannel)


def _parts(
    name: str,
    channel: settings.AnyChannel,
    layers: list[str],
    projections: list[str],
    owned: list[str],
    changes: int,
) -> list[Part]:
    """The learner of one channel; `owned` are the layers whose biases learn by gradient."""
    changes //= channel.every
    if isinstance(channel, settings.GradientChannel):
        weights = tuple(f"network.projections.{projection}.weight" for projection in projections)
        biases = tuple(f"network.populations.{layer}.bias" for layer in layers if layer in owned)
        return [ByGradient(name, weights + biases, channel.rate, changes, every=channel.every)]
    if isinstance(channel, settings.SelfBackpropagationChannel):
        rates = [*channel.rates[:1] * (len(layers) - len(channel.rates)), *channel.rates][-len(layers) :]
        rule = SelfBackpropagation(rates, beta=channel.beta)
        return [
            BySelfBackpropagation(
                name,
                rule,
                tuple(layers),
                channel.warm,
                not owned,
                retain=channel.retain,
                every=channel.every,
            )
        ]
    if isinstance(channel, settings.RuleChannel) and channel.meta_rate > 0:
        coefficients = tuple(
            f"network.projections.{projection}.plasticity.{field}"
            for projection in projections
            for field in channel.learned
        )
        strengths = tuple(f"strength.{projection}" for projection in projections)
        return [ByGradient(name, coefficients + strengths, channel.meta_rate, changes, every=channel.every)]
    return []
