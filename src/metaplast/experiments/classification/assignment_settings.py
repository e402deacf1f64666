"""Settings of how much each channel of a classification experiment contributes."""

import msgspec

from metaplast.experiments.models import Count, Positive

Gains = dict[str, float | dict[str, float]]


class AssignmentSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="name"):
    """How much each channel contributes."""


class EqualSettings(AssignmentSettings, frozen=True, tag="equal"):
    """All alike."""


class FixedSettings(AssignmentSettings, frozen=True, tag="fixed"):
    """As given; also what a search has found."""

    gains: Gains = {}
    """By channel, or by layer and channel; 1 where nothing is said."""


class LearnedSettings(AssignmentSettings, frozen=True):
    """What learned assignments have."""

    rate: Positive = 1e-3
    """Learning rate of Adam (assumed)."""


class SoftmaxSettings(LearnedSettings, frozen=True, tag="softmax"):
    """A budget for each layer, shared out by a softmax."""

    mean: Positive = 1.0
    """Mean gain of the channels of a layer, and where each starts."""


class FreeSettings(LearnedSettings, frozen=True, tag="free"):
    """A scalar for each channel of each layer."""

    gains: Gains = {}
    """Where they start."""


class PerNeuronSettings(LearnedSettings, frozen=True, tag="per-neuron"):
    """A budget for each cell."""


class ScheduledSettings(AssignmentSettings, frozen=True, tag="scheduled"):
    """From one set of gains to another."""

    start: Gains = {}
    end: Gains = {}
    epochs: Count = 10
    """Epochs on the way."""


AnyAssignment = EqualSettings | FixedSettings | SoftmaxSettings | FreeSettings | PerNeuronSettings | ScheduledSettings
