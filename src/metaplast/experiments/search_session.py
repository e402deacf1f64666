"""A search on disk: what was tried, the allocation that was chosen, and a figure of both."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import jax
import tomli_w

from metaplast.allocation import Allocation, Space
from metaplast.analysis.figures import draw_search
from metaplast.config import to_table
from metaplast.experiments.search import PilotLanes, SearchStudy, Told
from metaplast.experiments.search_settings import AllocationSearch
from metaplast.provenance import provenance
from metaplast.runs import RunDirectory, write_atomically

ALLOCATION = "allocation.toml"


def run_search(
    study: SearchStudy, directory: RunDirectory, told: Callable[[Told], None], *, resume: bool = False
) -> Allocation:
    """Search, and write allocation.toml, summary.json and the figure; what was learned before is not learned again."""
    config, space = study.config, study.space
    began = datetime.now(UTC).isoformat(timespec="seconds")
    device = jax.devices()[0]
    if not resume:
        directory.write_config(to_table(config))
    directory.write_meta(provenance(f"{device.platform} {device.device_kind}") | {"started": began})
    start = time.perf_counter()
    pilot = PilotLanes(study, directory, told)
    mask = study.search.choose(space, pilot, config.pilot.seed)
    chosen = space.allocation(mask)
    updates = pilot.updates
    tried = {lane.condition: {"problems": 0, "updates": 0} for lane in updates}
    for lane, counts in updates.items():
        tried[lane.condition]["problems"] += len(counts)
        tried[lane.condition]["updates"] += sum(counts)
    numbers = {
        "chosen": chosen.name,
        "updates": sum(mask["updates"] for mask in tried.values()),
        "masks": tried,
        "seconds": time.perf_counter() - start,
    }
    directory.write_summary(numbers)
    write_atomically(
        directory.path / ALLOCATION, allocation_toml(config, space, chosen, directory.path / ALLOCATION).encode()
    )
    if updates:
        draw_search(directory, list(space.groups), chosen.name)
    return chosen


def allocation_toml(config: AllocationSearch, space: Space, chosen: Allocation, path: Path) -> str:
    """The allocation as a file that a run takes as a condition, with a word on where it comes from."""
    free = [name for name, digit in zip(space.groups, chosen.name, strict=True) if digit == "1"]
    table = {
        "patterns": list(chosen.patterns),
        "mask": chosen.name,
        "groups": list(space.groups),
        "learnable": free,
        "family": config.family,
        "search": config.search,
    }
    # The name of its folder only, so that the same search writes the same bytes wherever it stands.
    place = Path(path.parent.name) / path.name
    return f"# As a condition of a run: --set 'conditions.chosen=\".../{place}\"'\n" + tomli_w.dumps(table)
