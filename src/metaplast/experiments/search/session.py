"""A search on disk: what was tried, the allocation that was chosen, and a figure of both."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import tomli_w

from metaplast.allocation import Allocation, Mask, Pilot, Search, Space
from metaplast.analysis.search.margin import Margin
from metaplast.config import Table
from metaplast.experiments.beginnings import begin, finish
from metaplast.experiments.search.progress import Told
from metaplast.runs import RunDirectory, write_atomically

ALLOCATION = "allocation.toml"


class RecordedPilot(Pilot, Protocol):
    """A pilot that can tell what it has measured."""

    unit: str
    """What its networks learn one after the other: problems, or epochs."""
    measure: str
    """What the search wants small."""

    def tried(self) -> dict[str, dict[str, Any]]:
        """By mask what was spent on it, and what came of it."""
        ...

    def margin(self, chosen: str) -> Margin | None:
        """How far ahead of the others the mask with this label is."""
        ...

    def draw(self, chosen: str) -> None:
        """Draw it into figures/search.png; `chosen` is the label of a mask."""
        ...


class Searchable(Protocol):
    """What is searched: learning to learn, or classification."""

    @property
    def config(self) -> Any: ...
    @property
    def search(self) -> Search: ...
    @property
    def space(self) -> Space: ...

    def pilot(self, directory: RunDirectory, told: Callable[[Told], None]) -> RecordedPilot:
        """The networks that the search asks."""
        ...

    def found(self, mask: Mask) -> Table:
        """What a run takes of a mask."""
        ...


def run_search(
    study: Searchable, directory: RunDirectory, told: Callable[[Told], None], *, resume: bool = False
) -> Allocation:
    """Search, and write allocation.toml, summary.json and the figure; what was learned before is not learned again.

    Raises:
        ValueError: the search ended at a mask that is not allowed.
    """
    config, space = study.config, study.space
    meta = begin(directory, config, config.pilot.seed, resume=resume)
    start = time.perf_counter()
    pilot = study.pilot(directory, told)
    mask = study.search.choose(space, pilot, config.pilot.seed)
    chosen, tried = space.allocation(mask), pilot.tried()
    spent = {key: sum(one[key] for one in tried.values()) for key in ("updates", "epochs") if key in _keys(tried)}
    numbers = {"chosen": chosen.name, "masks": tried, "seconds": time.perf_counter() - start}
    if lead := pilot.margin(chosen.name):
        words = lead.words(chosen.name, pilot.unit, pilot.measure)
        difference = lead.difference._asdict() if lead.difference else None
        numbers["margin"] = lead._asdict() | {"difference": difference, "words": words}
    if doubt := _doubt(tried):
        numbers["doubt"] = doubt
    directory.write_summary(numbers | spent)
    if tried:
        pilot.draw(chosen.name)
    path = directory.path / ALLOCATION  # last, since it tells a study that the search is over
    write_atomically(path, allocation_toml(study, mask, path).encode())
    finish(directory, meta)
    return chosen


def _doubt(tried: dict[str, dict[str, Any]]) -> str:
    """What must be said of a choice among masks that all failed; of classifiers, which solve nothing, there is none."""
    if not tried or any(one.get("solved", 1) for one in tried.values()):
        return ""
    return (
        "no pilot problem was solved under any mask, so that this one is no better than others: raise criterion.limit"
    )


def _keys(tried: dict[str, dict[str, Any]]) -> set[str]:
    return {key for one in tried.values() for key in one}


def allocation_toml(study: Searchable, mask: Mask, path: Path) -> str:
    """The allocation as a file that a run takes as a condition, with a word on where it comes from."""
    space = study.space
    where = {"mask": space.label(mask), "groups": list(space.groups), "search": study.config.search}
    # The name of its folder only, so that the same search writes the same bytes wherever it stands.
    place = Path(path.parent.name) / path.name
    return f"# As a condition of a run: --set 'conditions.chosen=\".../{place}\"'\n" + tomli_w.dumps(
        study.found(mask) | where
    )
