"""The slow level at work: masks are scored by how fast pilot networks learn under them."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from metaplast.allocation import SEARCHES, Mask, Search, Space, learning_rates
from metaplast.analysis.learning_to_learn.curves import counted
from metaplast.analysis.search.margin import Margin
from metaplast.analysis.search.mask_margin import search_margin
from metaplast.config import Table, component
from metaplast.experiments.allocation_files import PATTERNS
from metaplast.experiments.learning_to_learn.experiment import (
    Lane,
    LaneState,
    build_criterion,
    build_learner,
    lane_function,
)
from metaplast.experiments.learning_to_learn.pilot_lanes import Pilot, advance, catch_up, state_name
from metaplast.experiments.models import axons_explained
from metaplast.experiments.search.gates import Gates, gate_of_parameter
from metaplast.experiments.search.progress import Told
from metaplast.experiments.search.settings import AllocationSearch
from metaplast.experiments.states import load_progress, load_state
from metaplast.experiments.structure import structure
from metaplast.figures.run import draw_search
from metaplast.learning import Criterion, Lanes
from metaplast.models import Model
from metaplast.params import places
from metaplast.runs import ProblemTable, RunDirectory
from metaplast.tasks import FAMILIES, Family

PILOT = 2
"""Stream of random numbers of pilot networks and problems; runs use others."""


class SearchStudy(NamedTuple):
    """Everything that a configuration describes, built and checked."""

    config: AllocationSearch
    search: Search
    space: Space
    family: Family
    criterion: Criterion
    template: Model
    """A network, of which only the structure counts."""

    def pilot(self, directory: RunDirectory, told: Callable[[Told], None]) -> "PilotLanes":
        """The pilot networks that a search asks."""
        return PilotLanes(self, directory, told)

    def found(self, mask: Mask) -> Table:
        """What a run takes: globs over what may learn; and what they are for."""
        free = [name for name, chosen in zip(self.space.groups, mask, strict=True) if chosen]
        patterns = list(self.space.allocation(mask).patterns)
        return {PATTERNS: patterns, "learnable": free, "family": self.config.family}


def build(config: AllocationSearch) -> SearchStudy:
    """The search, its space and the family of a configuration.

    Raises:
        ValueError: a value that does not fit, a pattern that names nothing.
    """
    if not config.pilot.always:
        raise ValueError(
            "pilot.always is empty, so that nothing would learn under one of the masks; name what always may"
        )
    search = component(SEARCHES, config.search, "search")
    groups = {name: tuple(patterns) for name, patterns in config.pilot.groups.items()}
    space = Space(groups, tuple(config.pilot.always))
    search.check(space)
    family = component(FAMILIES, config.family, "family")
    template = structure(config.model, family)
    with axons_explained(config.model):
        places(template, tuple(config.learning.rates))
        _check_groups(template, groups, space.always)
    return SearchStudy(config, search, space, family, build_criterion(config), template)


def _check_groups(template: Model, groups: Mapping[str, tuple[str, ...]], always: tuple[str, ...]) -> None:
    """Refuse a group that changes nothing, which would be paid for with twice as many masks.

    Raises:
        ValueError: a pattern that names nothing, all parameters of a group learn under every mask, or two groups are
            the same.
    """
    learn_always, known = places(template, always), {}
    for name, patterns in groups.items():
        own = places(template, patterns)
        if all(np.all(learn_always.get(path, False) | ~named) for path, named in own.items()):
            raise ValueError(
                f"pilot.groups.{name} = {list(patterns)} names only what pilot.always = {list(always)} frees under "
                "every mask; give a pilot.always without it (--set 'pilot.always=[\"GLOB\"]'), or leave the group out"
            )
        same = [other for other, theirs in known.items() if _alike(own, theirs)]
        if same:
            raise ValueError(f"pilot.groups.{name} and pilot.groups.{same[0]} name the same; leave one of them out")
        known[name] = own


def _alike(ours: Mapping[str, np.ndarray], theirs: Mapping[str, np.ndarray]) -> bool:
    """Whether two groups name the same parameters, and of each the same neurons."""
    return ours.keys() == theirs.keys() and all(np.array_equal(ours[path], theirs[path]) for path in ours)


class PilotLanes:
    """Pilot networks under every mask of a space, learned as far as a search asks; the `Pilot` that searches see.

    All that was learned is in `directory`, from which a search that was killed goes on.
    """

    unit = "problems"
    measure = "updates"

    def __init__(self, study: SearchStudy, directory: RunDirectory, told: Callable[[Told], None]) -> None:
        config, space, family = study.config, study.space, study.family
        self._config, self._family, self._directory, self._told = config, family, directory, told
        self.space = space
        self.seeds = range(config.pilot.seed, config.pilot.seed + config.pilot.seeds)
        self._model = study.template
        self._rates_of: dict[str, Any] = {}
        self._states: dict[Lane, LaneState] = {}
        self._updates: dict[Lane, list[int]] = {}
        self._costs: dict[Lane, list[int]] = {}
        self._learn = Lanes(lane_function(config, family, study.criterion), len(jax.devices()))
        self._find_finished()

    def score(self, masks: Sequence[Mask], problems: int) -> np.ndarray:
        """Mean updates a problem over the first `problems` problems and all seeds; an unsolved one counts its limit."""
        chunk = self._config.pilot.chunk
        wanted = -(-problems // chunk) * chunk
        lanes = [Lane(self.space.label(mask), seed) for mask in masks for seed in self.seeds]
        catch_up(lanes, wanted, self._reached, self._advance)
        means = [np.mean([self._costs[Lane(self.space.label(m), seed)][:wanted] for seed in self.seeds]) for m in masks]
        return np.asarray(means)

    def margin(self, chosen: str) -> Margin | None:
        """How far ahead of the others the mask with this label is, over the problems that it met."""
        return search_margin(self._directory, chosen)

    def slope(self, warm: int) -> Callable[[np.ndarray, int], np.ndarray]:
        """Gradient of the mean task loss over `pilot.updates` updates in the gates of the groups; see `Pilot.slope`."""
        everything = (True,) * len(self.space.groups)
        self.score([everything], warm)
        lanes = [Lane(self.space.label(everything), seed) for seed in self.seeds]
        gates = Gates(self._config, self._family, self._rates(lanes[0]), gate_of_parameter(self.space, self._model))
        gradient = jax.jit(jax.grad(gates.loss))

        def slope(gates: np.ndarray, step: int) -> np.ndarray:
            lane = lanes[step % len(lanes)]
            key = jax.random.fold_in(self._key(lane), 2 + step)
            return np.asarray(gradient(jnp.asarray(gates), self._states[lane], key))

        return slope

    def tried(self) -> dict[str, dict[str, int]]:
        """By mask how many problems its networks were given, in how many updates, and how many were solved."""
        table, found = self._directory.problems(), {}
        for mask in table.conditions():
            rows = table.select(table.condition == mask)
            found[mask] = {
                "problems": len(rows),
                "updates": int(rows.updates.sum()),
                "solved": int(rows.solved.sum()),
            }
        return found

    def draw(self, chosen: str) -> None:
        """Draw what was tried."""
        draw_search(self._directory, list(self.space.groups), chosen, self._config.criterion.limit)

    @property
    def updates(self) -> dict[Lane, list[int]]:
        """Updates that were spent on every problem, by lane."""
        return dict(self._updates)

    def _find_finished(self) -> None:
        """Rows and states of an earlier process; rows without a state were being written when it was killed."""
        table, saved = self._directory.problems(), {}
        for lane in (Lane(label, seed) for label in table.conditions() for seed in self.seeds):
            if self._directory.has_arrays(state_name(lane)):
                saved[lane] = load_progress(self._directory, state_name(lane))["done"]
        self._directory.truncate_problems(lambda row: row.problem < saved.get((row.condition, row.seed), 0))
        table = self._directory.problems()
        for lane in saved:
            self._states[lane], _ = load_state(self._directory, state_name(lane), self._start(lane))
            self._count(lane, table.lane(*lane))

    def _count(self, lane: Lane, learned: ProblemTable) -> None:
        """Keep what further problems took, and what they count in the score."""
        costs = counted(learned, self._config.criterion.limit).updates.tolist()
        self._updates[lane] = [*self._updates.get(lane, []), *learned.updates.tolist()]
        self._costs[lane] = [*self._costs.get(lane, []), *costs]

    def _reached(self, lane: Lane) -> int:
        """Problems that a lane has learned."""
        return len(self._updates.get(lane, ()))

    def _key(self, lane: Lane) -> Array:
        return jax.random.fold_in(jax.random.key(lane.seed), PILOT)

    def _start(self, lane: Lane) -> LaneState:
        model = self._config.model.build(self._key(lane), self._family)
        return LaneState(model, build_learner(self._config, self._rates(lane)).init(model))

    def _rates(self, lane: Lane) -> Any:
        """Learning rates under the mask of a lane; zero where it learns nothing."""
        label = lane.condition
        if label not in self._rates_of:
            # Beside the mask with every group, so that the same parameters have a rate, if of zero, under all masks.
            masks = (True,) * len(self.space.groups), tuple(digit == "1" for digit in label)
            learning = self._config.learning
            allocations = [self.space.allocation(mask) for mask in masks]
            both = learning_rates(self._model, allocations, float(learning.rate), learning.rates)
            self._rates_of[label] = jax.tree.map(lambda rates: rates[1], both)
        return self._rates_of[label]

    def _pilot(self, lane: Lane) -> Pilot:
        """What a lane is to learn next."""
        reached, state = self._reached(lane), self._states.get(lane) or self._start(lane)
        return Pilot(self._rates(lane), state, self._key(lane), range(reached, reached + self._config.pilot.chunk))

    def _advance(self, lanes: list[Lane]) -> None:
        """Learn the next chunk of problems, one lane a device, and write what came out."""
        for lane, state, rows in advance(self._learn, lanes, self._pilot, self._family, self._directory):
            self._states[lane] = state
            self._count(lane, ProblemTable.from_rows(rows))
        measured = {lane.condition for lane in self._updates}
        problems = sum(len(counts) for counts in self._updates.values())
        updates = sum(sum(counts) for counts in self._updates.values())
        self._told(Told(len(measured), problems, self.unit, updates))
