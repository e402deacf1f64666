"""The slow level at work: masks are scored by how fast pilot networks learn under them."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from metaplast.allocation import SEARCHES, Mask, Search, Space, learning_rates
from metaplast.config import component
from metaplast.experiments.gates import Gates, gate_of_parameter
from metaplast.experiments.learning_to_learn import (
    Lane,
    LaneState,
    build_criterion,
    build_learner,
    lane_function,
    lane_rows,
    spikes_to_hertz,
)
from metaplast.experiments.search_settings import AllocationSearch
from metaplast.experiments.states import load_progress, load_state, save_state
from metaplast.learning import Lanes
from metaplast.params import match, parameter_paths
from metaplast.runs import RunDirectory
from metaplast.tasks import FAMILIES, Family

PILOT = 2
"""Stream of random numbers of pilot networks and problems; runs use others."""


class Told(NamedTuple):
    """What a search tells while it runs."""

    masks: int
    """Masks measured so far."""
    problems: int
    """Pilot problems learned so far, over masks and seeds."""
    updates: int
    """Updates spent."""


class SearchStudy(NamedTuple):
    """Everything that a configuration describes, built and checked."""

    config: AllocationSearch
    search: Search
    space: Space
    family: Family


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
        places = len(jax.devices())
        while behind := sorted((lane for lane in set(lanes) if self._reached(lane) < wanted), key=self._order):
            together = behind[:places]
            self._advance([*together, *[together[-1]] * (places - len(together))])
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

    @property
    def updates(self) -> dict[Lane, list[int]]:
        """Updates that every problem took, by lane."""
        return dict(self._updates)

    def _find_finished(self) -> None:
        """Rows and states of an earlier process; rows without a state were being written when it was killed."""
        table, saved = self._directory.problems(), {}
        for lane in (Lane(label, seed) for label in table.conditions() for seed in self.seeds):
            if self._directory.has_arrays(_state_name(lane)):
                saved[lane] = load_progress(self._directory, _state_name(lane))["done"]
        self._directory.truncate_problems(lambda row: row.problem < saved.get((row.condition, row.seed), 0))
        table = self._directory.problems()
        for lane in saved:
            self._states[lane], _ = load_state(self._directory, _state_name(lane), self._start(lane))
            self._updates[lane] = [int(count) for count in table.lane(*lane).updates]

    def _order(self, lane: Lane) -> tuple[int, Lane]:
        return self._reached(lane), lane

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
            both = learning_rates(self._model, allocations, learning.rate, learning.rates)
            self._rates_of[label] = jax.tree.map(lambda rates: rates[1], both)
        return self._rates_of[label]

    def _advance(self, lanes: list[Lane]) -> None:
        """Learn the next chunk of problems, one lane a device, and write what came out."""
        stack = lambda trees: jax.tree.map(lambda *leaves: jnp.stack(leaves), *trees)  # noqa: E731
        chunk = self._config.pilot.chunk
        indices = [range(self._reached(lane), self._reached(lane) + chunk) for lane in lanes]
        states, outcomes = self._learn(
            stack([self._rates(lane) for lane in lanes]),
            stack([self._states.get(lane) or self._start(lane) for lane in lanes]),
            jnp.stack([jax.random.fold_in(self._key(lane), 1) for lane in lanes]),
            jnp.asarray([list(part) for part in indices], jnp.int32),
        )
        for place, lane in enumerate(dict.fromkeys(lanes)):
            of_lane = jax.tree.map(lambda leaf, place=place: leaf[place], (states, outcomes))
            rows = lane_rows(lane, indices[place], of_lane[1], spikes_to_hertz(self._model, self._family))
            self._directory.append_problems(rows)
            self._states[lane] = of_lane[0]
            self._updates[lane] = [*self._updates.get(lane, []), *(row.updates for row in rows)]
            save_state(self._directory, _state_name(lane), of_lane[0], done=self._reached(lane))
        measured = {lane.condition for lane in self._updates}
        problems = sum(len(counts) for counts in self._updates.values())
        self._told(Told(len(measured), problems, sum(sum(counts) for counts in self._updates.values())))


def _state_name(lane: Lane) -> str:
    return f"states/{lane.condition}-seed{lane.seed}"
