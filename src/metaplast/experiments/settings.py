"""Settings of the learning-to-learn experiment, every field with a unit or a sentence."""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from metaplast.config import Table, with_defaults
from metaplast.intrinsic import INTRINSIC
from metaplast.runs import check_condition
from metaplast.surrogate import SURROGATES
from metaplast.tasks import FAMILIES

Positive = Annotated[float, Meta(gt=0)]
NotNegative = Annotated[float, Meta(ge=0)]
Count = Annotated[int, Meta(ge=1)]


def both_conditions() -> dict[str, list[str]]:
    """Weights only, and weights with all three intrinsic properties."""
    weights = ["*.weight", "*.bias"]
    return {"fixed": weights, "intrinsic": [*weights, "*.tau_dendrite", "*.tau_soma", "*.threshold"]}


class ModelSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The recurrent spiking network."""

    neurons: Count = 100
    """Recurrent cells."""
    branches: Count = 1
    """Dendritic branches of a cell."""
    resistance: Positive = 4.0
    """Somatic input resistance (assumed)."""
    input_gain: Positive = 3.0
    """Standard deviation of the summed input weights (assumed)."""
    recurrent_gain: NotNegative = 1.0
    """Scale of the orthogonal recurrent weights."""
    tau_low: Positive = 14.427
    """Shortest time constant of dendrites and somata at the start (ms)."""
    tau_high: Positive = 551.0
    """Longest time constant at the start (ms)."""
    readout: Literal["voltage", "spikes"] = "voltage"
    """What the readout sees of the recurrent cells."""
    surrogate: dict[str, Any] = msgspec.field(default_factory=lambda: {"name": "triangular"})
    """Surrogate derivative of the spike."""
    intrinsic: list[dict[str, Any]] = []
    """Intrinsic mechanisms of the recurrent cells, in order."""


class LearningSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The fast level: how a problem is learned."""

    rate: Positive = 1e-3
    """Learning rate of every parameter without a rate of its own."""
    rates: dict[str, NotNegative] = {}
    """Learning rates by glob over parameter paths; the last match wins."""
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
    seed: Annotated[int, Meta(ge=0)] = 0
    """First seed: it determines the network, the problems and the trials."""
    seeds: Count = 1
    """Number of seeds, counted up from the first; all conditions share them."""
    chunk: Count = 20
    """Problems between two reports of progress, after each of which nothing can be lost."""
    devices: Annotated[int, Meta(ge=0)] = 0
    """CPU devices that divide the lanes among them; 0 means one a core."""


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
    model: ModelSettings = ModelSettings()
    learning: LearningSettings = LearningSettings()
    loss: LossSettings = LossSettings()
    criterion: CriterionSettings = CriterionSettings()
    run: RunSettings = RunSettings()
    conditions: dict[str, list[str]] = msgspec.field(default_factory=both_conditions)
    """Allocations: by name, globs over the paths of the parameters that may learn."""
    assumed: list[str] = []
    """What no source tells and was therefore chosen; shown in the report."""

    def __post_init__(self) -> None:
        for name in self.conditions:
            check_condition(name)


OPEN_TABLES = ("learning.rates", "conditions")
"""Settings that are maps, to which `--set` may add."""


def complete(table: Table) -> Table:
    """Fill in the defaults of the family, the surrogate and the intrinsic mechanisms that a table names."""
    model = table["model"]
    surrogate = with_defaults(SURROGATES, model["surrogate"], "model.surrogate")
    intrinsic = [with_defaults(INTRINSIC, entry, "model.intrinsic") for entry in model["intrinsic"]]
    family = with_defaults(FAMILIES, table["family"], "family")
    return table | {"family": family, "model": model | {"surrogate": surrogate, "intrinsic": intrinsic}}
