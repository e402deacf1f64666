"""Settings of a search for an allocation, every field with a unit or a sentence."""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from metaplast.allocation import SEARCHES
from metaplast.config import Table, with_defaults
from metaplast.experiments.learning_to_learn.settings import INTRINSIC, WEIGHTS, LearningToLearn
from metaplast.experiments.learning_to_learn.settings import complete as complete_learning
from metaplast.experiments.models import Count

SMOKE = ("search.problems=2", "search.first=1", "pilot.seeds=1", "pilot.chunk=1")
"""What the preset smoke of a family means to a search, which then takes seconds."""
INTRINSIC_GROUPS = {pattern.removeprefix("*."): [pattern] for pattern in INTRINSIC}


class PilotSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """On what masks are compared. Networks and problems of the pilot never recur in a run of their family."""

    groups: dict[str, list[str]] = msgspec.field(default_factory=lambda: dict(INTRINSIC_GROUPS))
    """What a mask chooses from: by name, globs over parameter paths, which may end in a slice over neurons."""
    always: list[str] = msgspec.field(default_factory=lambda: list(WEIGHTS))
    """Globs of what may learn under every mask."""
    seed: Annotated[int, Meta(ge=0)] = 0
    """First pilot seed; all masks share networks, problems and trials."""
    seeds: Count = 6
    """Pilot networks of a mask. Of two masks that differ by 5 % two networks may well choose the worse."""
    updates: Count = 30
    """Updates through which the gates of a relaxed search are learned."""
    chunk: Count = 5
    """Problems between two reports, after each of which nothing can be lost; a multiple of it is measured."""


class AllocationSearch(LearningToLearn, frozen=True, forbid_unknown_fields=True):
    """A search for the allocation with which a family is learned in the fewest updates."""

    experiment: Literal["allocation-search"] = "allocation-search"
    """Kind of experiment."""
    search: dict[str, Any] = msgspec.field(default_factory=lambda: {"name": "halving"})
    """How masks are chosen: the name of a search and its settings."""
    pilot: PilotSettings = PilotSettings()


OPEN_TABLES = ("learning.rates", "conditions", "pilot.groups")
"""Settings that are maps, to which `--set` may add."""


def complete(table: Table) -> Table:
    """Fill in the defaults of the components that a table names."""
    return complete_learning(table) | {"search": with_defaults(SEARCHES, table["search"], "search")}
