"""The slow level at work: masks are scored by how fast pilot networks learn under them."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from metaplast.allocation import SEARCHES, Mask, Search, Space, learning_rates
from metaplast.config import Table, component
from metaplast.experiments.allocation_files import PATTERNS
from metaplast.experiments.learning_to_learn.experiment import (
    Lane,
    LaneState,
    build_criterion,
    build_learner,
    lane_function,
    lane_rows,
    spikes_to_hertz,
)
from metaplast.experiments.search.gates import Gates, gate_of_parameter
from metaplast.experiments.search.pilot_lanes import catch_up, of_lane, stacked, state_name
from metaplast.experiments.search.progress import Told
from metaplast.experiments.search.settings import AllocationSearch
from metaplast.experiments.states import load_progress, load_state, save_state
from metaplast.figures.run import draw_search
from metaplast.learning import Lanes
from metaplast.params import match, parameter_paths
from metaplast.runs import RunDirectory
from metaplast.tasks import FAMILIES, Family

PILOT = 2
"""Stream of random numbers of pilot networks and problems; runs use others."""


class SearchStudy(NamedTuple):
    """Everything that a configuration describes, built and checked."""

    config: AllocationSearch
    search: Search
    space: Space
    family: Family

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
    search = component(SEARCHES, config.search, "search")
    groups = {name: tuple(patterns) for name, patterns in config.pilot.groups.items()}
    space = Space(groups, tuple(config.pilot.always))
    family = component(FAMILIES, config.family, "family")
    names = parameter_paths(config.model.build(jax.random.key(0), family))
    for patterns in (space.always, *groups.values()):
        if patterns:
            match(names, patterns)
    return SearchStudy(config, search, space, family)


class PilotLanes:
    """Pilot networks under every mask of a space, learned as far as a search asks; the `Pilot` that searches see.

    All that was learned is in `directory`, from which a search that was killed goes on.

    Raises:
        ValueError: a pattern that names nothing.
    """

    def __init__(self, study: SearchStudy, directory: RunDirectory, told: Callable[[Told], None]) -> None:
        config, space, family = study.config, study.space, study.family
        self._config, self._family, self._directory, self._told = config, family, directory, told
        self.space = space
        self.seeds = range(config.pilot.seed, config.pilot.seed + config.pilot.seeds)
        self._model = config.model.build(jax.random.key(0), family)
        self._rates_of: dict[str, Any] = {}
        self._states: dict[Lane, LaneState] = {}
        self._updates: dict[Lane, list[int]] = {}
        self._learn = Lanes(lane_function(config, family, build_criterion(config)), len(jax.devices()))
        self._find_finished()

    def score(self, masks: Sequence[Mask], problems: int) -> np.ndarray:
        """Mean updates a problem over the first `problems` problems and all seeds; an unsolved one counts its limit."""
        chunk = self._config.pilot.chunk
        wanted = -(-problems // chunk) * chunk
        lanes = [Lane(self.space.label(mask), seed) for mask in masks for seed in self.seeds]
        catch_up(lanes, wanted, self._reached, self._advance)
        means = [
            np.mean([self._updates[Lane(self.space.label(m), seed)][:wanted] for seed in self.seeds]) for m in masks
        ]
        return np.asarray(means)

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
        """By mask how many problems its networks learned, in how many updates."""
        found = {lane.condition: {"problems": 0, "updates": 0} for lane in self._updates}
        for lane, counts in self._updates.items():
            found[lane.condition]["problems"] += len(counts)
            found[lane.condition]["updates"] += sum(counts)
        return found

    def draw(self, chosen: str) -> None:
        """Draw what was tried."""
        draw_search(self._directory, list(self.space.groups), chosen)

    @property
    def updates(self) -> dict[Lane, list[int]]:
        """Updates that every problem took, by lane."""
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
            self._updates[lane] = [int(count) for count in table.lane(*lane).updates]

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

    def _advance(self, lanes: list[Lane]) -> None:
        """Learn the next chunk of problems, one lane a device, and write what came out."""
        chunk = self._config.pilot.chunk
        indices = [range(self._reached(lane), self._reached(lane) + chunk) for lane in lanes]
        states, outcomes = self._learn(
            stacked([self._rates(lane) for lane in lanes]),
            stacked([self._states.get(lane) or self._start(lane) for lane in lanes]),
            jnp.stack([jax.random.fold_in(self._key(lane), 1) for lane in lanes]),
            jnp.asarray([list(part) for part in indices], jnp.int32),
        )
        for place, lane in enumerate(dict.fromkeys(lanes)):
            state, outcome = of_lane((states, outcomes), place)
            rows = lane_rows(lane, indices[place], outcome, spikes_to_hertz(self._model, self._family))
            self._directory.append_problems(rows)
            self._states[lane] = state
            self._updates[lane] = [*self._updates.get(lane, []), *(row.updates for row in rows)]
            save_state(self._directory, state_name(lane), state, done=self._reached(lane))
        measured = {lane.condition for lane in self._updates}
        problems = sum(len(counts) for counts in self._updates.values())
        updates = sum(sum(counts) for counts in self._updates.values())
        self._told(Told(len(measured), problems, "problems", updates))
