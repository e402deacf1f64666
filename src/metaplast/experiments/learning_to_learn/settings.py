"""Settings of the learning-to-learn experiment, every field with a unit or a sentence."""

import re
from collections.abc import Mapping
from itertools import product
from typing import Annotated, Any, Literal

import msgspec
import numpy as np
from msgspec import Meta

from metaplast.config import Table, with_defaults
from metaplast.experiments.allocation_files import PATTERNS, searched
from metaplast.experiments.models import AnyModel, Count, NotNegative, Positive, SpikingSettings, complete_model
from metaplast.run_names import check_condition
from metaplast.slices import refuse_slices
from metaplast.tasks import FAMILIES

WEIGHTS = ["*.weight", "*.bias"]
INTRINSIC = ["*.tau_dendrite", "*.tau_soma", "*.threshold"]
"""The three intrinsic properties of IP2-RSNN."""
DRAWN = re.compile(r"random-[01]{3}")
"""Names of the conditions that are drawn."""
CONDITIONS = {
    "spiking": {"fixed": WEIGHTS, "intrinsic": [*WEIGHTS, *INTRINSIC]},
    "rate": {"rate": [*WEIGHTS, "*.initial"]},
    "gru": {"gru": WEIGHTS},
    "self-attention": {"self-attention": WEIGHTS},
}
"""What learns if nothing is said, by model; the spiking one learns with and without its intrinsic properties."""


class LearningSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The fast level: how a problem is learned."""

    rate: Positive | str = 1e-3
    """Learning rate of every parameter without a rate of its own; or a file that a sweep has written, in which the
    rate of the model is looked up."""
    rates: dict[str, NotNegative] = {}
    """Learning rates by glob over parameter paths, with a slice over neurons or without; the last match wins."""
    batch: Count = 8
    """Fresh trials an update."""
    beta1: Annotated[float, Meta(ge=0, lt=1)] = 0.3
    """Decay of Adam's first moment (Goudar et al.)."""
    beta2: Annotated[float, Meta(ge=0, lt=1)] = 0.999
    """Decay of Adam's second moment."""
    clip: Positive = 1.0
    """Largest global norm of a gradient (Goudar et al.)."""
    reset_optimiser: bool = True
    """Whether Adam starts afresh at every problem (Goudar et al.)."""


class LossSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The five-term loss; the coefficients are those of Goudar et al. (2023)."""

    homeostasis: NotNegative = 5e-4
    """Price of the distance of the mean squared activation from its target."""
    input_price: NotNegative = 1e-4
    """Price of the mean squared input weight."""
    recurrent_price: NotNegative = 1e-3
    """Price of the mean of the leading squared singular values of the recurrent weight."""
    output_price: NotNegative = 0.1
    """Price of the mean squared output weight."""
    activity_target: float | None = None
    """Homeostatic target; left out, it is measured at the end of the first problem."""
    exact: bool = False
    """Decompose the recurrent weight at every update instead of following its leading singular vectors."""


class CriterionSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """When a problem counts as solved."""

    loss_below: NotNegative = 0.02
    """Bound on the mean task loss over the window (nats); 0 means no bound."""
    accuracy_above: Annotated[float, Meta(ge=0, lt=1)] = 0.0
    """Bound on the mean accuracy over the window; 0 means no bound."""
    window: Count = 5
    """Updates over which the means are taken."""
    limit: Count = 2000
    """Updates after which a problem counts as failed."""


class RunSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How much is run."""

    problems: Count = 1000
    """Problems in a sequence."""
    seed: Annotated[int, Meta(ge=0, lt=2**31)] = 0
    """First seed: it determines the network, the problems and the trials."""
    seeds: Count = 1
    """Number of seeds, counted up from the first; all conditions share them."""
    give_up: Annotated[int, Meta(ge=0)] = 0
    """Unsolved problems in a row after which a network attempts no more, so that one that cannot learn a family does
    not run for hours; 0 means never. In a row, since a network that fails now and then still learns; never, if nothing
    is said, since a network keeps what it has learned of a problem that it failed, and may solve a later one."""
    chunk: Count = 50
    """Problems between two reports of progress, after each of which nothing can be lost."""
    devices: Annotated[int, Meta(ge=0)] = 0
    """CPU devices that divide the lanes among them; 0 means one a core."""
    snapshots: Annotated[int, Meta(ge=0)] = 0
    """Problems between two saved networks; 0 saves them at the start and at the end only. Chunks divide both it and
    `problems`, so a number that has a large divisor in common with `problems` is quicker."""


class AnalysisSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What `metaplast analyse` measures in the saved networks of a finished run."""

    seeds: Annotated[int, Meta(ge=0)] = 0
    """Seeds, counted up from the first, whose probe trials are recorded, and whose problems `--within` learns again; 0
    means all."""
    within: list[Annotated[int, Meta(ge=0)]] = []
    """Problems, counted from 0, that `--within` learns again, each from networks that were saved just before it; empty
    means all of which there are such networks: the first, those after snapshots, and the one after the last."""
    trials: Count = 32
    """Probe trials of a saved network; the loss of a lesion is measured on as many."""
    bins: Annotated[int, Meta(ge=2)] = 5
    """Bins of equally many neurons, by the size of an intrinsic property, that are silenced one at a time."""


class StartSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """With what the networks start, where it is not drawn afresh: e.g. intrinsic properties tuned by an earlier run."""

    run: str = ""
    """Run directory whose networks give their values at its end, seed by seed; empty: none."""
    condition: str = "intrinsic"
    """Its condition."""
    parameters: list[str] = msgspec.field(default_factory=lambda: list(INTRINSIC))
    """Globs of what is taken over; everything else is drawn afresh."""

    def __post_init__(self) -> None:
        refuse_slices(tuple(self.parameters), "start.parameters takes over whole parameters")


class RandomMasks(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Control conditions: random subsets of the intrinsic properties learn beside the weights."""

    count: Annotated[int, Meta(ge=0, le=6)] = 0
    """How many; each is another subset, neither all of them nor none."""
    seed: Annotated[int, Meta(ge=0)] = 0
    """Seed of the draw. What was drawn stands in the conditions of config.toml."""


class LearningToLearn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A sequence of problems of one family, learned by one network under several allocations."""

    family: dict[str, Any]
    """Task family: its name and its settings, times in ms."""
    title: str = "Learning to learn"
    """Heading of the report."""
    experiment: Literal["learning-to-learn"] = "learning-to-learn"
    """Kind of experiment."""
    preset: str = ""
    """Preset that was laid over the defaults."""
    model: AnyModel = SpikingSettings()
    learning: LearningSettings = LearningSettings()
    loss: LossSettings = LossSettings()
    criterion: CriterionSettings = CriterionSettings()
    run: RunSettings = RunSettings()
    conditions: dict[str, list[str] | str] = {}
    """Allocations: by name, globs over the paths of the parameters that may learn, which may end in a slice over
    neurons (`*.threshold[:50]`), or a file that a search has written; those of the model if left out."""
    random_masks: RandomMasks = RandomMasks()
    start: StartSettings = StartSettings()
    analysis: AnalysisSettings = AnalysisSettings()
    assumed: list[str] = []
    """What no source tells and was therefore chosen; shown in the report."""

    def __post_init__(self) -> None:
        for name, patterns in self.conditions.items():
            check_condition(name)
            if not patterns:
                raise ValueError(f'conditions.{name}: nothing may learn; write what may, as in ["*.weight"]')


OPEN_TABLES = ("learning.rates", "conditions")
"""Settings that are maps, to which `--set` may add."""


def complete(table: Table) -> Table:
    """Fill in the defaults of the components that a table names."""
    family = with_defaults(FAMILIES, table["family"], "family")
    conditions = table["conditions"]
    if not conditions or conditions in CONDITIONS.values():  # nothing of one's own, perhaps of another model
        conditions = CONDITIONS[table["model"]["name"]]
    conditions = with_random_masks(frozen(conditions), table["random_masks"])
    return table | {"family": family, "model": complete_model(table["model"]), "conditions": conditions}


def with_random_masks(conditions: dict[str, list[str]], settings: Table) -> dict[str, list[str]]:
    """Conditions "random-101" and so on, one digit an intrinsic property, in front of the others.

    The same for the same settings; those of an earlier draw give way.
    """
    if not settings["count"]:
        return conditions
    others = {name: patterns for name, patterns in conditions.items() if not DRAWN.fullmatch(name)}
    masks = [mask for mask in product((0, 1), repeat=len(INTRINSIC)) if 0 < sum(mask) < len(INTRINSIC)]
    drawn = np.random.default_rng(settings["seed"]).choice(len(masks), settings["count"], replace=False)
    named = {"random-" + "".join(map(str, masks[index])): masks[index] for index in sorted(drawn)}
    drawn = {
        name: [*WEIGHTS, *(pattern for pattern, free in zip(INTRINSIC, mask, strict=True) if free)]
        for name, mask in named.items()
    }
    return drawn | others


def frozen(conditions: Mapping[str, list[str] | str]) -> dict[str, list[str]]:
    """Conditions with the globs of every file that one of them names, so that the run depends on no other file.

    Raises:
        ValueError: a file without globs.
        FileNotFoundError: no such file.
    """
    return {
        name: searched(name, given, PATTERNS, list) if isinstance(given, str) else given
        for name, given in conditions.items()
    }
