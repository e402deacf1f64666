"""A run of an experiment on disk: it writes what it has finished at once, and goes on where it was killed."""

import time
from collections.abc import Callable
from typing import NamedTuple

import equinox as eqx
import jax
import numpy as np
from jaxtyping import PyTree

from metaplast.analysis.learning_to_learn.curves import counted, given_up_at, summary
from metaplast.experiments.beginnings import begin, finish
from metaplast.experiments.learning_to_learn.experiment import (
    Chunks,
    Lane,
    LaneState,
    Study,
    lane_model,
    recorded_trial,
    rows_of,
)
from metaplast.experiments.states import Mismatch, load_state, save_state
from metaplast.learning.gradient import GradientState
from metaplast.params import named_arrays
from metaplast.run_names import END, START, learner_name, moment_after, network_name, trial_name
from metaplast.runs import ProblemRow, RunDirectory

CHECKPOINT = "checkpoint"


class Progress(NamedTuple):
    """What a run tells while it runs."""

    done: int
    """Problems finished in every lane."""
    total: int
    recent: float
    """Mean updates of the last chunk."""
    failures: int
    """Failed problems so far, over all lanes."""
    given_up: int = 0
    """Lanes that attempt no further problem."""


class Clock(NamedTuple):
    """Seconds spent, compilation apart."""

    learning: float
    compiling: float


def run(
    study: Study,
    directory: RunDirectory,
    report: Callable[[Progress], None],
    *,
    resume: bool = False,
) -> None:
    """Run a study into a directory: config first, rows and a checkpoint after every chunk, then what it came to."""
    meta = begin(directory, study.config, study.config.run.seed, resume=resume)
    _write_networks(directory, study, study.start, START)
    state, clock = _learn(study, directory, report, resume)
    _write_networks(directory, study, state, END)
    _write_trials(directory, study, state)
    directory.write_summary(_summary(directory, study, clock))
    finish(directory, meta)


def _learn(
    study: Study, directory: RunDirectory, report: Callable[[Progress], None], resume: bool
) -> tuple[LaneState, Clock]:
    """All chunks of problems, from the checkpoint if there is one."""
    total = study.config.run.problems
    state, done, spent, compiled = study.start, 0, 0.0, 0.0
    if resume and directory.has_arrays(CHECKPOINT):
        state, progress = load_state(directory, CHECKPOINT, state)
        done, spent, compiled = int(progress["done"]), progress["spent"], progress["compiled"]
    if resume:
        directory.truncate_problems(lambda row: row.problem < done)
    failures = int(np.sum(~directory.problems().solved))
    report(Progress(done, total, float("nan"), failures, lanes_given_up(study, state)))
    if done >= total:
        return state, Clock(spent, compiled)
    chunks = Chunks(study)
    compiled += chunks.seconds
    start = time.perf_counter()
    for indices, after, outcomes in chunks.run(state, done):
        state = after
        spent, start = spent + time.perf_counter() - start, time.perf_counter()
        rows = rows_of(study, indices, outcomes)
        directory.append_problems(rows)
        done = indices.stop
        if _snapshot_due(study, done):  # before the checkpoint: a run killed here makes the same one again
            _write_learners(directory, study, state, moment_after(done))
            _write_networks(directory, study, state, moment_after(done))
        save_state(directory, CHECKPOINT, state, done=done, spent=spent, compiled=compiled)
        failures += sum(not row.solved for row in rows)
        report(Progress(done, total, _mean_updates(rows), failures, lanes_given_up(study, state)))
    return state, Clock(spent, compiled)


def _snapshot_due(study: Study, done: int) -> bool:
    """Whether the networks are saved after so many problems; those of the end are saved anyway."""
    every = study.config.run.snapshots
    return every > 0 and done % every == 0 and done < study.config.run.problems


def _mean_updates(rows: list[ProblemRow]) -> float:
    """Mean over the problems of a chunk; 0 where every lane has given up."""
    return sum(row.updates for row in rows) / max(len(rows), 1)


def lanes_given_up(study: Study, state: LaneState) -> int:
    """Lanes that have failed too often in a row to attempt another problem."""
    return 0 if state.failed is None else int(np.sum(np.asarray(state.failed) >= study.config.run.give_up))


def _write_networks(directory: RunDirectory, study: Study, state: LaneState, moment: str) -> None:
    for place, lane in enumerate(study.lanes):
        arrays = named_arrays(lane_model(state, place))
        directory.write_arrays(network_name(lane.condition, lane.seed, moment), arrays)


def _write_learners(directory: RunDirectory, study: Study, state: LaneState, moment: str) -> None:
    """What the learners carry on to the next problem, so that it can be learned again exactly."""
    for place, lane in enumerate(study.lanes):
        learner = carried(study, jax.tree.map(lambda leaf, place=place: leaf[place], state.learner))
        save_state(directory, learner_name(lane.condition, lane.seed, moment), learner)


def carried(study: Study, learner: GradientState) -> GradientState:
    """What of a learner's state matters to the next problem: not the optimiser's where that starts afresh."""
    return learner._replace(optimiser=None) if study.config.learning.reset_optimiser else learner


def _write_trials(directory: RunDirectory, study: Study, state: LaneState) -> None:
    for place, lane in enumerate(study.lanes):
        if lane.seed == study.config.run.seed:
            arrays = recorded_trial(study, lane_model(state, place), lane)
            directory.write_arrays(trial_name(lane.condition, lane.seed), arrays)


def _summary(directory: RunDirectory, study: Study, clock: Clock) -> dict[str, object]:
    """Numbers by condition. Lanes run side by side, so the seconds are shared out by the updates of each condition."""
    table, run = directory.problems(), study.config.run
    scored = counted(table, study.config.criterion.limit)  # a network that diverged was not a fast one
    updates = float(table.updates.sum())
    conditions = {}
    for condition in table.conditions():
        share = float(table.updates[table.condition == condition].sum()) / updates
        seconds = {"seconds": clock.learning * share, "seconds_compile": clock.compiling}
        numbers = summary(scored, condition)._asdict() | seconds
        if run.give_up:
            numbers["given_up_at"] = given_up_at(table, condition, run.give_up, run.problems)
        conditions[condition] = numbers
    return {"conditions": conditions, "seconds": clock.learning, "seconds_compile": clock.compiling}


def load_model(directory: RunDirectory, study: Study, lane: Lane, moment: str = END) -> PyTree:
    """The saved network of one lane.

    Raises:
        FileNotFoundError: it was not saved.
        Mismatch: its arrays do not fit the configuration.
    """
    template = lane_model(study.start, study.lanes.index(lane))
    saved = directory.read_arrays(network_name(lane.condition, lane.seed, moment))
    wanted = named_arrays(template)
    if {name: array.shape for name, array in saved.items()} != {name: leaf.shape for name, leaf in wanted.items()}:
        raise Mismatch(f"{directory.path}: the network of {lane} does not fit the configuration")
    arrays, rest = eqx.partition(template, eqx.is_array)
    values = [jax.numpy.asarray(saved[name]) for name in wanted]
    return eqx.combine(jax.tree.unflatten(jax.tree.structure(arrays), values), rest)
