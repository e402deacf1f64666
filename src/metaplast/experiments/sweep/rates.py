"""Learning rates are scored by how fast pilot networks learn with them, every model and rate with the same budget."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import jax
import msgspec
import numpy as np
from jaxtyping import Array, PyTree

from metaplast.allocation import Allocation, learning_rates
from metaplast.config import component
from metaplast.experiments.learning_to_learn.experiment import (
    Lane,
    LaneState,
    build_criterion,
    build_learner,
    lane_function,
)
from metaplast.experiments.learning_to_learn.pilot_lanes import Pilot, advance, state_name
from metaplast.experiments.models import AnyModel
from metaplast.experiments.states import load_progress, load_state
from metaplast.experiments.structure import structure
from metaplast.experiments.sweep.settings import RateSweep, check_sweep, kind_key, model_key, model_of
from metaplast.learning import Criterion, Lanes
from metaplast.models import Model
from metaplast.runs import RunDirectory
from metaplast.tasks import FAMILIES, Family

SWEEP = 3
"""Stream of random numbers of the networks and problems of a sweep; runs and searches use others."""


class Swept(NamedTuple):
    """What a sweep tells while it runs."""

    model: str
    """Under way; empty at the end."""
    done: int
    """Pilot problems learned so far, over models, rates and seeds."""
    total: int
    updates: int
    """Updates spent."""
    failures: int


class SweepStudy(NamedTuple):
    """Everything that a configuration describes, built and checked."""

    config: RateSweep
    models: dict[str, AnyModel]
    """By the name that the sweep's file gives it."""
    templates: dict[str, Model]
    """A network of each, of which only the structure counts."""
    allocations: dict[str, Allocation]
    family: Family
    criterion: Criterion

    @property
    def total(self) -> int:
        """Pilot problems of all models, rates and seeds."""
        sweep = self.config.sweep
        return len(self.models) * len(sweep.rates) * sweep.seeds * sweep.problems


def build(config: RateSweep) -> SweepStudy:
    """The models and the family of a configuration.

    Raises:
        ValueError: a value that does not fit, a pattern that names nothing.
    """
    check_sweep(config.sweep)
    if config.learning.rates:
        raise ValueError(
            "learning.rates gives parameters rates of their own, which a sweep would not try; leave it out"
        )
    family = component(FAMILIES, config.family, "family")
    chosen = [model_of(name, config.model) for name in config.sweep.models]
    models = {model_key(model): model for model in chosen}
    learnable = config.sweep.learnable
    if missing := [kind_key(model) for model in chosen if kind_key(model) not in learnable]:
        raise ValueError(f"sweep.learnable.{missing[0]} is missing; name the globs of what learns")
    allocations = {key: Allocation(key, tuple(learnable[kind_key(model)])) for key, model in models.items()}
    templates = {}
    for key, model in models.items():
        try:
            templates[key] = structure(model, family)
            allocations[key].places(templates[key])
        except ValueError as error:
            raise ValueError(f"sweep, {key}: {error}") from None
    return SweepStudy(config, models, templates, allocations, family, build_criterion(config))


def label(model: str, rate: float) -> str:
    """Name of a model with a learning rate, the condition of its rows: `gru@0.001`."""
    return f"{model}@{rate:g}"


class RateLanes:
    """The pilot networks of one model under every rate; what is in `directory` is not learned again."""

    def __init__(self, study: SweepStudy, model: str, directory: RunDirectory) -> None:
        self._directory, self._family, self._sweep = directory, study.family, study.config.sweep
        self._criterion = study.criterion
        self._settings = study.models[model]
        self._config = msgspec.structs.replace(study.config, model=self._settings)
        rate_of = {label(model, rate): rate for rate in self._sweep.rates}
        seeds = range(self._sweep.seed, self._sweep.seed + self._sweep.seeds)
        self._lanes = [Lane(name, seed) for seed in seeds for name in rate_of]
        self._rates_of = {
            name: _of_first_lane(learning_rates(study.templates[model], [study.allocations[model]], rate, {}))
            for name, rate in rate_of.items()
        }
        self._done = {lane: self._saved(lane) for lane in self._lanes}

    @property
    def kept(self) -> dict[Lane, int]:
        """Problems of every network that need not be learned again."""
        return dict(self._done)

    def learn(self) -> Iterator[list[Any]]:
        """Learn what is left, a few networks side by side; the rows of every chunk, when they are on disk."""
        left = [lane for lane in self._lanes if self._done[lane] < self._sweep.problems]
        if not left:
            return
        places = len(jax.devices())
        one = lane_function(self._config, self._family, self._criterion)
        learn = Lanes(one, places)
        # Groups of all lanes, finished ones included, so that a sweep that was killed meets the same groups again.
        for first in range(0, len(self._lanes), places):
            group = self._lanes[first : first + places]
            states = {lane: self._state(lane) for lane in group}
            while behind := self._behind(group):
                yield self._advance(learn, behind, states, places)

    def _behind(self, group: list[Lane]) -> list[Lane]:
        """Of a group, the networks that are to learn next: those that have learned least."""
        least = min(self._done[lane] for lane in group)
        return [lane for lane in group if self._done[lane] == least < self._sweep.problems]

    def _advance(
        self, learn: Callable[..., Any], lanes: list[Lane], states: dict[Lane, LaneState], places: int
    ) -> list[Any]:
        """Learn the next chunk of problems of some networks, and write what came out."""
        filled = [*lanes, *[lanes[-1]] * (places - len(lanes))]

        def pilot(lane: Lane) -> Pilot:
            indices = range(self._done[lane], self._done[lane] + self._sweep.chunk)
            return Pilot(self._rates_of[lane.condition], states[lane], self._key(lane), indices)

        written = []
        for lane, state, rows in advance(learn, filled, pilot, self._family, self._directory):
            states[lane] = state
            self._done[lane] += self._sweep.chunk
            written += rows
        return written

    def _saved(self, lane: Lane) -> int:
        """Problems that a network had learned when its state was saved."""
        name = state_name(lane)
        return int(load_progress(self._directory, name)["done"]) if self._directory.has_arrays(name) else 0

    def _state(self, lane: Lane) -> LaneState:
        model = self._settings.build(self._key(lane), self._family)
        start = LaneState(model, build_learner(self._config, self._rates_of[lane.condition]).init(model))
        return load_state(self._directory, state_name(lane), start)[0] if self._done[lane] else start

    def _key(self, lane: Lane) -> Array:
        return jax.random.fold_in(jax.random.key(lane.seed), SWEEP)


def sweep_rates(study: SweepStudy, directory: RunDirectory, told: Callable[[Swept], None]) -> None:
    """Learn the whole budget of every model and rate, or what is left of it."""
    lanes = {model: RateLanes(study, model, directory) for model in study.models}
    kept = {lane: done for one in lanes.values() for lane, done in one.kept.items()}
    # Rows whose state was not saved were being written when the sweep was killed.
    directory.truncate_problems(lambda row: row.problem < kept.get(Lane(row.condition, row.seed), 0))
    table = directory.problems()
    done, spent, failures = len(table), int(table.updates.sum()), int(np.sum(~table.solved))
    for model, one in lanes.items():
        told(Swept(model, done, study.total, spent, failures))
        for rows in one.learn():
            done, spent = done + len(rows), spent + sum(row.updates for row in rows)
            failures += sum(not row.solved for row in rows)
            told(Swept(model, done, study.total, spent, failures))
        jax.clear_caches()  # programs of a model that is finished


def _of_first_lane(rates: PyTree) -> PyTree:
    return jax.tree.map(lambda leaf: leaf[0], rates)
