"""Settings of the classification experiment, every field with a unit or a sentence."""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from metaplast.config import Table, with_defaults
from metaplast.experiments.allocation_files import CONDITION, searched
from metaplast.experiments.classification.assignment_settings import AnyAssignment, EqualSettings
from metaplast.experiments.classification.network_settings import NetworkSettings
from metaplast.experiments.classification.transfer_settings import ContinualSettings, FewShotSettings
from metaplast.experiments.models import Count, NotNegative, Positive
from metaplast.plasticity import PLASTICITY
from metaplast.run_names import check_condition
from metaplast.surrogate import SURROGATES

Share = Annotated[float, Meta(ge=0, lt=1)]


class ChannelSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="learner"):
    """What every synaptic channel has."""

    scale: NotNegative = 1.0
    """Initial weights are uniform within scale / sqrt(inputs of a cell)."""
    every: Count = 1
    """Batches between two changes by its learner."""


class GradientChannel(ChannelSettings, frozen=True, tag="gradient"):
    """Weights that learn by surrogate gradients through time (STBP), and the biases of their layers."""

    rate: Positive = 1e-3
    """Learning rate of Adam (Wu et al. 2022)."""


class RuleChannel(ChannelSettings, frozen=True, tag="rule"):
    """Weights that a local rule changes while the network runs."""

    scale: NotNegative = 0.0
    plasticity: dict[str, Any] = msgspec.field(default_factory=lambda: {"name": "hebbian-synapse"})
    """The rule and its settings, times in ms."""
    strength: float = 0.01
    """Factor on its current at the start (alpha of Wu et al.), on top of what it is assigned."""
    meta_rate: NotNegative = 5e-4
    """Learning rate of Adam for strength and coefficients of the rule (Wu et al. 2022); 0 leaves them as they are."""
    learned: list[str] = msgspec.field(default_factory=lambda: ["beta", "eta"])
    """Coefficients of the rule that learn at that rate, by name."""
    per_source: list[str] = []
    """Coefficients of the rule of which every presynaptic cell has its own."""
    per_target: list[str] = []
    """Coefficients of the rule of which every postsynaptic cell has its own."""


class SelfBackpropagationChannel(ChannelSettings, frozen=True, tag="self-backpropagation"):
    """Weights that learn by self-backpropagation."""

    rates: list[Positive] = msgspec.field(default_factory=lambda: [0.1, 0.05])
    """Learning rates of hidden layers and output (Zhang et al. 2021); one more is repeated for deeper networks."""
    beta: Positive = 0.5
    """Strength of the nudge."""
    warm: bool = True
    """Whether it sets out from the activity of the whole spiking network, rather than from rest by itself."""
    retain: Annotated[float, Meta(gt=0, le=1)] = 1.0
    """Share of its weights that is left at every change, before what it adds."""


class EpropChannel(ChannelSettings, frozen=True, tag="e-prop"):
    """Weights that learn by eligibility traces and a learning signal at the output; both are means over the batch."""

    rate: Positive = 1e-3
    """Learning rate of Adam (assumed: that of the surrogate gradient)."""
    feedback: Literal["symmetric", "random"] = "symmetric"
    """How the errors of the output reach a hidden layer: through the weights of all channels from there to the output,
    or through random ones that never learn."""


class FrozenChannel(ChannelSettings, frozen=True, tag="none"):
    """Random weights that stay as they are."""


AnyChannel = GradientChannel | RuleChannel | SelfBackpropagationChannel | EpropChannel | FrozenChannel


class HomeostasisSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Thresholds of the hidden layers, which adapt while the network learns and are held while it is tested."""

    target: Annotated[float, Meta(gt=0, lt=1)] = 0.1
    """Spikes a cell and step that each cell should send, in the mean over the examples."""
    rate: Positive = 0.001
    """Change of the threshold by each step (1 / ms) with a spike too many, in the unit of network.threshold."""


class Condition(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which mechanisms act, and how much of each."""

    channels: list[str]
    """Channels of every layer, by name."""
    readout: list[str] = []
    """Channels of the last layer, where they are others."""
    layers: dict[str, list[str]] = {}
    """Channels of single layers (hidden1, hidden2, ..., output), where they are others still."""
    assignment: AnyAssignment = EqualSettings()
    homeostasis: HomeostasisSettings | None = None
    """Homeostatic thresholds in all hidden layers; none if nothing is said. The pilots of a search have none."""
    single: bool = False
    """Whether it stands for one mechanism alone, with the best of which combinations are compared."""


class DataSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is to be told apart."""

    name: str = "digits"
    """Name of the data set."""
    root: str = ""
    """Folder of its files; what is embedded needs none."""
    download: bool = False
    """Whether files that are not there may be downloaded."""
    train: Annotated[int, Meta(ge=0)] = 0
    """Training examples that are used, drawn once and for all; 0 means all."""
    test: Annotated[int, Meta(ge=0)] = 0
    """Test examples that are used; 0 means all."""
    validation: Annotated[int, Meta(ge=0)] = 0
    """Training examples that are held out, drawn once and for all, and tested in the place of the test set, so that
    what is chosen is not chosen on the test set; 0 means none."""
    coding: Literal["direct", "rate", "latency", "events"] = "direct"
    """How values become currents; recordings of events are always shown frame by frame."""
    standard: bool = False
    """Whether each colour gets mean 0 and standard deviation 1 over the training images; with the direct coding."""
    shift: Annotated[int, Meta(ge=0)] = 0
    """Augmentation: largest shift each way (pixels)."""
    flip: bool = False
    """Augmentation: whether examples may be mirrored from left to right."""
    drop: Share = 0.0
    """Augmentation: fraction of events that is lost."""
    frames: Annotated[int, Meta(ge=0)] = 0
    """Frames of a recording of events, which divide the steps; 0 means as many as steps."""
    frame_milliseconds: NotNegative = 0.0
    """Length of a frame (ms); 0 divides each recording into equal parts."""
    pool: Count = 1
    """Pixels of an event camera that are counted as one, along each side."""
    most: Annotated[int, Meta(ge=0, le=255)] = 0
    """Events that count in a pixel of a frame, more being as many; 0 means all."""


class TrainingSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How long, how much at a time, and towards what."""

    epochs: Count = 20
    """Passes over the training examples."""
    batch: Count = 100
    """Examples of a change."""
    decay: bool = False
    """Whether the learning rates of Adam fall to zero over the epochs, along half a cosine; the others stay."""
    loss: Literal["mean-squared", "cross-entropy"] = "mean-squared"
    """Loss of the scores (Wu et al. 2022: mean squared)."""
    seed: Annotated[int, Meta(ge=0)] = 0
    """First seed: it determines weights, shuffles and noise."""
    seeds: Count = 1
    """Number of seeds, counted up from the first; all conditions share them."""
    devices: Annotated[int, Meta(ge=0)] = 0
    """CPU devices that share the seeds; 0 means one a core."""


class RobustnessSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What `metaplast analyse` does to the networks of a finished run."""

    test: Annotated[int, Meta(ge=0)] = 2000
    """Test examples under each disturbance, the first ones; 0 means all."""
    merged: bool = False
    """Whether parallel channels become one synapse before it is damaged; else each is damaged by itself."""


class ClassificationSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Several mechanisms, alone and together, learn to classify."""

    title: str = "Multi-plasticity synergy"
    """Heading of the report."""
    experiment: Literal["classification"] = "classification"
    """Kind of experiment."""
    preset: str = ""
    """Preset that was laid over the defaults."""
    data: DataSettings = DataSettings()
    network: NetworkSettings = NetworkSettings()
    training: TrainingSettings = TrainingSettings()
    continual: ContinualSettings = ContinualSettings()
    few_shot: FewShotSettings = FewShotSettings()
    channels: dict[str, AnyChannel] = {}
    """Synaptic channels by name, of which conditions choose."""
    conditions: dict[str, Condition | str] = {}
    """What is compared; a text is a file that a search has written, of which the run keeps a copy."""
    robustness: RobustnessSettings = RobustnessSettings()
    assumed: list[str] = []
    """What no source tells and was therefore chosen; shown in the report."""

    @property
    def total_epochs(self) -> int:
        """Epochs of all tasks together."""
        return self.training.epochs * self.continual.tasks

    def __post_init__(self) -> None:
        for name, condition in self.conditions.items():
            check_condition(name)
            if isinstance(condition, Condition):
                _check_channels(name, condition, list(self.channels))

    def condition(self, name: str) -> Condition:
        """A condition, after the file has been read that it may name.

        Raises:
            TypeError: it has not been read; `complete` does that.
        """
        found = self.conditions[name]
        if isinstance(found, str):
            raise TypeError(f"conditions.{name} is still the file {found}; resolve the configuration first")
        return found


def _check_channels(name: str, condition: Condition, known: list[str]) -> None:
    """Refuse a condition with a channel that there is not, or with a layer that would have none."""
    lists = {"channels": condition.channels} | {f"layers.{key}": value for key, value in condition.layers.items()}
    for place, channels in lists.items():
        if not channels:
            there = f"name at least one of: {', '.join(known)}" if known else "declare one as [channels.NAME]"
            raise ValueError(f"conditions.{name}.{place} is empty; {there}")
    for channel in [*condition.readout, *(channel for channels in lists.values() for channel in channels)]:
        if channel not in known:
            there = f"there are: {', '.join(known)}" if known else f"declare [channels.{channel}]"
            raise ValueError(f"conditions.{name}: no channel {channel!r}; {there}")


OPEN_TABLES = ("conditions", "channels")
"""Settings that are maps, to which `--set` may add."""


def complete(table: Table) -> Table:
    """Fill in the defaults of the components that a table names."""
    network = dict(table["network"])
    network["surrogate"] = with_defaults(SURROGATES, network["surrogate"], "network.surrogate")
    channels = {name: _complete_channel(name, channel) for name, channel in table["channels"].items()}
    conditions = {name: _read_condition(name, condition) for name, condition in table["conditions"].items()}
    return table | {"network": network, "channels": channels, "conditions": conditions}


def _read_condition(name: str, given: Table | str) -> Table:
    """A condition, from the file of a search if it names one."""
    return searched(name, given, CONDITION, dict) if isinstance(given, str) else given


def _complete_channel(name: str, channel: Table) -> Table:
    if "plasticity" not in channel:
        return channel
    return channel | {"plasticity": with_defaults(PLASTICITY, channel["plasticity"], f"channels.{name}.plasticity")}
