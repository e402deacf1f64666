"""Settings of a sweep over learning rates, every field with a unit or a sentence."""

import re
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from metaplast.experiments.learning_to_learn.settings import CONDITIONS, LearningToLearn
from metaplast.experiments.learning_to_learn.swept_rate import MODELS, model_key
from metaplast.experiments.models import AnyModel, AttentionSettings, Count, Positive, SpikingSettings

HEADS = re.compile(r"(?:self-)?attention(?:-([1-9]\d*))?")
SMOKE = (
    'sweep.models=["spiking", "rate"]',
    "sweep.rates=[1e-3, 3e-3]",
    "sweep.problems=1",
    "sweep.seeds=1",
    "sweep.chunk=1",
)
"""What the preset smoke of a family means to a sweep, which then takes seconds; the other models would take minutes."""
LEARNABLE = {
    "spiking": CONDITIONS["spiking"]["intrinsic"],
    "rate": CONDITIONS["rate"]["rate"],
    "gru": CONDITIONS["gru"]["gru"],
    "attention": CONDITIONS["self-attention"]["self-attention"],
}


class SweepSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is tried, and on what. Networks and problems of a sweep never recur in a run or a search of their family."""

    models: list[str] = msgspec.field(default_factory=lambda: ["spiking", "rate", "gru", "attention"])
    """Models: spiking, rate, gru, attention (with 4 heads), attention-1, attention-2 and so on. They have the neurons
    of `model`, and its other settings where they are of its kind."""
    rates: list[Positive] = msgspec.field(default_factory=lambda: [1e-4, 3e-4, 1e-3, 3e-3, 1e-2])
    """Learning rates, the same for every model."""
    learnable: dict[str, list[str]] = msgspec.field(default_factory=lambda: dict(LEARNABLE))
    """Globs of what learns, by kind of model."""
    problems: Count = 4
    """Pilot problems of a network. Its budget is so many times `criterion.limit` updates, for every model and rate."""
    seed: Annotated[int, Meta(ge=0)] = 0
    """First pilot seed; all models and rates share problems and trials, all rates of a model its networks."""
    seeds: Count = 2
    """Pilot networks of a model and rate."""
    chunk: Count = 2
    """Problems between two reports, after each of which nothing can be lost; it divides `problems`."""


class RateSweep(LearningToLearn, frozen=True, forbid_unknown_fields=True):
    """A search for the learning rate with which every model learns a family in the fewest updates."""

    experiment: Literal["rate-sweep"] = "rate-sweep"
    """Kind of experiment."""
    sweep: SweepSettings = SweepSettings()


OPEN_TABLES = ("learning.rates", "conditions", "sweep.learnable")
"""Settings that are maps, to which `--set` may add."""


def check_sweep(settings: SweepSettings) -> None:
    """Refuse what could not be swept.

    Raises:
        ValueError: no or a repeated model or rate, an unknown model, or a chunk that does not divide the problems.
    """
    for name, values in (("models", settings.models), ("rates", settings.rates)):
        if not values:
            raise ValueError(f"sweep.{name} is empty; give at least one")
        if len(set(values)) < len(values):
            raise ValueError(f"sweep.{name} names something twice: {values}; name each once")
    keys = [model_key(model_of(name, SpikingSettings())) for name in settings.models]
    if len(set(keys)) < len(keys):
        raise ValueError(f"sweep.models names one model twice: {', '.join(keys)}; name each once")
    if settings.problems % settings.chunk:
        raise ValueError(
            f"sweep.chunk is {settings.chunk}, which does not divide sweep.problems = {settings.problems}; "
            "give a divisor, so that every network learns exactly its budget"
        )
    if unknown := sorted(set(settings.learnable) - set(LEARNABLE)):
        raise ValueError(f"sweep.learnable has no model {unknown[0]!r}; there are: {', '.join(LEARNABLE)}")


def model_of(name: str, base: AnyModel) -> AnyModel:
    """The model that a sweep calls so: as wide as `base`, or `base` itself if it is of this kind.

    Raises:
        ValueError: no such model.
    """
    attention = HEADS.fullmatch(name)
    if name not in MODELS and not attention:
        raise ValueError(
            f"sweep.models: unknown model {name!r}; there are: {', '.join(MODELS)}, attention, attention-H"
        )
    kind = AttentionSettings if attention else MODELS[name]
    model = base if isinstance(base, kind) else kind(neurons=base.neurons)
    if attention and attention[1]:
        return msgspec.structs.replace(model, heads=int(attention[1]))  # the same kind, checked when it is built
    return model


def kind_key(model: AnyModel) -> str:
    """The entry of a model in `sweep.learnable`."""
    return "attention" if isinstance(model, AttentionSettings) else model_key(model)
