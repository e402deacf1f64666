"""Settings of a search for the channels that act in each layer, every field with a unit or a sentence."""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from metaplast.allocation import SEARCHES
from metaplast.config import Table, settings_of, with_defaults
from metaplast.experiments.classification import settings as classification_settings
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


def _most(lists: list[list[str]]) -> list[str]:
    """The first of the longest lists."""
    return max(lists, key=len, default=[])
