"""Settings of a search for the channels that act in each layer, every field with a unit or a sentence."""

from collections.abc import Collection
from typing import Annotated, Any, Literal, cast

import msgspec
from msgspec import Meta

from metaplast.allocation import SEARCHES
from metaplast.config import Table, settings_of, with_defaults
from metaplast.experiments.classification import settings as classification_settings
from metaplast.experiments.classification.assignment_settings import EqualSettings, FixedSettings, Gains
from metaplast.experiments.classification.settings import ClassificationSettings
from metaplast.experiments.models import Count

EPOCHS = {"problems": 6, "first": 1}
"""What searches count in problems are epochs here; so many, if nothing is said."""


class ChannelPilot(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """On what masks are compared: short trainings on a part of the training examples, tested on another part of them.

    The test examples of the experiment are never seen, and networks of the pilot never recur in a run.
    """

    channels: list[str] = []
    """Channels that a mask chooses from in every layer; left out, those of the condition that has most of them."""
    assignment: EqualSettings | FixedSettings | None = None
    """Gains of the channels, which a run of what was found has too; left out, those with which the condition begins
    that has these channels, or else most. They do not learn, so that no mask shares a budget with what is absent."""
    held_out: Annotated[float, Meta(gt=0, lt=1)] = 0.2
    """Share of the training examples that no pilot network learns, and on which all are compared."""
    train: Annotated[int, Meta(ge=0)] = 0
    """Examples that a pilot network learns, of those that are not held out; 0 means all."""
    objective: Literal["error", "loss"] = "error"
    """What should be small on the examples held out: the share that is answered wrongly, or the loss."""
    seed: Annotated[int, Meta(ge=0)] = 0
    """First pilot seed; all masks share weights, shuffles and noise."""
    seeds: Count = 2
    """Pilot networks of a mask."""


class ChannelSearch(ClassificationSettings, frozen=True, forbid_unknown_fields=True):
    """A search for the channels that should act in each layer."""

    experiment: Literal["channel-search"] = "channel-search"
    """Kind of experiment."""
    search: dict[str, Any] = msgspec.field(default_factory=lambda: {"name": "halving"})
    """How masks are chosen: the name of a search and its settings, with epochs in place of problems."""
    pilot: ChannelPilot = ChannelPilot()


OPEN_TABLES = classification_settings.OPEN_TABLES
"""Settings that are maps, to which `--set` may add."""


def complete(table: Table) -> Table:
    """Fill in the defaults of the components that a table names, and the channels to choose from."""
    table = classification_settings.complete(table)
    search = table["search"]
    if search.get("name") in SEARCHES:  # if not, it is refused below
        known = settings_of(SEARCHES[search["name"]])
        search = {key: value for key, value in EPOCHS.items() if key in known} | search
    channels = table["pilot"]["channels"] or _most([one["channels"] for one in table["conditions"].values()])
    return table | {
        "search": with_defaults(SEARCHES, search, "search"),
        "pilot": table["pilot"] | {"channels": channels},
    }


def with_gains(config: ChannelSearch) -> ChannelSearch:
    """The configuration with the gains of its pilots, which are known only once all is that they depend on."""
    if config.pilot.assignment is not None:
        return config
    channels = config.pilot.channels
    conditions = [config.condition(name) for name in config.conditions]
    alike = [one for one in conditions if set(one.channels) == set(channels)] or conditions
    fullest = max(alike, key=lambda one: len(one.channels), default=None)
    policy = msgspec.to_builtins(fullest.assignment) if fullest else {}
    given = policy.get("gains", policy.get("start", {}))
    mean = cast(float, policy.get("mean"))
    gains = gains_of(dict.fromkeys(channels, mean) if "mean" in policy else given, channels)
    assignment = FixedSettings(gains) if gains else EqualSettings()
    return msgspec.structs.replace(config, pilot=msgspec.structs.replace(config.pilot, assignment=assignment))


def gains_of(gains: Gains, channels: Collection[str]) -> Gains:
    """What is said of some channels alone, be it for all layers or for single ones."""
    found: Gains = {}
    for name, value in gains.items():
        if isinstance(value, dict):
            value = {channel: gain for channel, gain in value.items() if channel in channels}
            found |= {name: value} if value else {}
        elif name in channels:
            found[name] = value
    return found


def _most(lists: list[list[str]]) -> list[str]:
    """The first of the longest lists."""
    return max(lists, key=len, default=[])
