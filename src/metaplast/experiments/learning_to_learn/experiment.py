"""The learning-to-learn experiment: sequences of problems in side-by-side lanes over seeds and allocations."""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, PyTree

from metaplast.allocation import Allocation, learning_rates
from metaplast.config import component
from metaplast.experiments.learning_to_learn.settings import LearningToLearn
from metaplast.experiments.learning_to_learn.start import with_learned
from metaplast.experiments.models import axons_explained
from metaplast.learning import Criterion, FiveTermLoss, GradientLearner, Lanes, Outcome, learn_until_given_up
from metaplast.models import Model, Recurrent
from metaplast.models.recurrent import RECURRENT
from metaplast.runs import ProblemRow, RunDirectory
from metaplast.tasks import FAMILIES, Family


class Lane(NamedTuple):
    """One sequence: an allocation and a seed."""

    condition: str
    seed: int


class LaneState(NamedTuple):
    """All that a lane carries from problem to problem; leaves have a leading lane axis."""

    model: Model
    learner: Any
    failed: Array | None = None
    """Unsolved problems in a row; None where nobody gives up."""


@dataclass(frozen=True)
class Study:
    """Everything that a configuration describes, built and checked."""

    config: LearningToLearn
    family: Family
    criterion: Criterion
    learner: GradientLearner
    """Its rates have a leading lane axis."""
    lanes: tuple[Lane, ...]
    keys: Array
    """Key of the problem sequence of every lane."""
    start: LaneState

    @property
    def chunk(self) -> int:
        """Problems a call: the most, up to the setting, that divide the sequence and end at every snapshot.

        So one compiled program serves all calls.
        """
        whole = math.gcd(self.config.run.problems, self.config.run.snapshots)
        return next(size for size in range(self.config.run.chunk, 0, -1) if whole % size == 0)


def build(config: LearningToLearn, begun: RunDirectory | None = None) -> Study:
    """Build what a configuration describes; `begun` is the directory of the run itself where it goes on.

    Raises:
        ValueError: a value that does not fit, a pattern that names nothing.
        FileNotFoundError: another run, with whose values this one should start, is not there.
    """
    family = component(FAMILIES, config.family, "family")
    allocations = [Allocation(name, tuple(patterns)) for name, patterns in config.conditions.items()]
    if not allocations:
        raise ValueError("conditions is empty; name at least one, with the parameters that may learn")
    seeds = range(config.run.seed, config.run.seed + config.run.seeds)
    # Seed by seed, so that every device gets lanes of all conditions: a slow condition then holds up none of them.
    lanes = tuple(Lane(allocation.name, seed) for seed in seeds for allocation in allocations)
    # Compiled, since drawing weights operation by operation takes seconds.
    seed_keys = jnp.stack([jax.random.key(lane.seed) for lane in lanes])
    model = jax.jit(jax.vmap(lambda key: config.model.build(key, family)))(seed_keys)
    if config.start.run:
        model = with_learned(model, config.start, lanes, begun)
    with axons_explained(config.model):
        rates = learning_rates(
            _chosen(model, 0),  # of one lane, since a slice of neurons depends on their number
            [allocation for _ in seeds for allocation in allocations],
            float(config.learning.rate),
            config.learning.rates,
        )
    learner = build_learner(config, rates)
    begin = jax.jit(jax.vmap(lambda rates, model: build_learner(config, rates).init(model)))
    failed = jnp.zeros(len(lanes), jnp.int32) if config.run.give_up else None
    start = LaneState(model, begin(rates, model), failed)
    keys = jnp.stack([jax.random.fold_in(jax.random.key(lane.seed), 1) for lane in lanes])
    return Study(config, family, build_criterion(config), learner, lanes, keys, start)


def build_criterion(config: LearningToLearn) -> Criterion:
    """The criterion; a bound of zero is none.

    Raises:
        ValueError: a window that the limit cuts off, so that no problem could be solved.
    """
    window, limit = config.criterion.window, config.criterion.limit
    if window > limit:
        raise ValueError(
            f"criterion.window is {window} and criterion.limit {limit}: no problem could be solved; "
            f"give a limit of at least {window}, or a shorter window"
        )
    bounds = config.criterion.loss_below or None, config.criterion.accuracy_above or None
    return Criterion(*bounds, config.criterion.window)


def build_learner(config: LearningToLearn, rates: PyTree, eps_root: float = 0.0) -> GradientLearner:
    """The learner with the given learning rates; `eps_root` as in `GradientLearner`."""
    learning, loss = config.learning, config.loss
    return GradientLearner(
        rates,
        FiveTermLoss(
            loss.homeostasis,
            loss.input_price,
            loss.recurrent_price,
            loss.output_price,
            loss.activity_target,
            exact=loss.exact,
        ),
        learning.beta1,
        learning.beta2,
        learning.clip,
        learning.reset_optimiser,
        eps_root,
    )


def lane_function(config: LearningToLearn, family: Family, criterion: Criterion) -> Callable[..., Any]:
    """What one lane does: (rates, state, key, indices) -> (state, outcomes of the problems `indices`)."""

    def one_lane(
        family: Family, rates: PyTree, state: LaneState, key: Array, indices: Array
    ) -> tuple[LaneState, Outcome]:
        # Pilots carry no count: they never give up, so that all of them are scored over the same problems.
        counts = state.failed is not None
        failed = jnp.zeros((), jnp.int32) if state.failed is None else state.failed
        model, (learner, failed), outcomes = learn_until_given_up(
            build_learner(config, rates),
            state.model,
            (state.learner, failed),
            family,
            criterion,
            key,
            indices,
            limit=config.criterion.limit,
            batch=config.learning.batch,
            give_up=config.run.give_up if counts else 0,
        )
        return LaneState(model, learner, failed if counts else None), outcomes

    return eqx.Partial(one_lane, family)  # the images that a family may hold are shared by all lanes


class Chunks:
    """The compiled program of a study: a chunk of problems in every lane; `seconds` is what compiling it took.

    Lanes that are to learn the same thing from the same start, as under two names for one mask, are computed once.
    """

    def __init__(self, study: Study) -> None:
        began = time.perf_counter()
        self._study = study
        self._distinct, self._same_as = np.unique(twins(study), return_inverse=True)
        self._lanes = Lanes(lane_function(study.config, study.family, study.criterion), len(self._distinct))
        rates, start, keys = _chosen((study.learner.rates, study.start, study.keys), self._distinct)
        self._rates, self._keys = self._lanes.place((rates, keys))
        self._compiled = self._lanes.compile(rates, start, keys, self._of_lanes(study.chunk))
        self.seconds = time.perf_counter() - began

    def run(self, state: LaneState, done: int) -> Iterator[tuple[range, LaneState, Outcome]]:
        """Chunk after chunk from problem `done` on: its problems, the state after it and how they went.

        The next chunk is under way already while one is looked at, so that no device waits for a disk.
        """
        chunk, total = self._study.chunk, self._study.config.run.problems
        reached = self._start(self._lanes.place(_chosen(state, self._distinct)), done)
        for first in range(done, total, chunk):
            finished = reached
            if first + chunk < total:
                reached = self._start(finished[0], first + chunk)
            yield range(first, first + chunk), *_chosen(self._lanes.gather(finished), self._same_as)

    def _start(self, state: LaneState, first: int) -> tuple[LaneState, Outcome]:
        """Begin a chunk, without waiting for its end."""
        return self._compiled(
            self._rates, state, self._keys, self._lanes.place(self._of_lanes(self._study.chunk, first))
        )

    def _of_lanes(self, chunk: int, first: int = 0) -> Array:
        """Indices of problems, the same in every lane."""
        return jnp.tile(jnp.arange(first, first + chunk, dtype=jnp.int32), (len(self._distinct), 1))


def twins(study: Study) -> np.ndarray:
    """For every lane the first one with its problems, learning rates and start, bit for bit: often the lane itself."""
    leaves = [*jax.tree.leaves((study.learner.rates, study.start)), jax.random.key_data(study.keys)]
    columns = [np.asarray(leaf) for leaf in leaves]
    told = [b"".join(column[place].tobytes() for column in columns) for place in range(len(study.lanes))]
    return np.array([told.index(one) for one in told])


def _chosen(tree: PyTree, lanes: np.ndarray | int) -> PyTree:
    """These lanes of all arrays of a tree, or this one."""
    return jax.tree.map(lambda leaf: leaf[lanes], tree)


def rows_of(study: Study, indices: Sequence[int], outcomes: Outcome) -> list[ProblemRow]:
    """Rows of problems.csv for a chunk: lane by lane, in the order of the problems."""
    rows, hertz = [], spikes_to_hertz(study.start.model, study.family)
    for place, lane in enumerate(study.lanes):
        of_lane = jax.tree.map(lambda column, place=place: column[place], outcomes)
        rows += lane_rows(lane, indices, of_lane, hertz)
    return rows


def spikes_to_hertz(model: Model, family: Family) -> float:
    """Spikes a step to spikes a second; what does not spike has no firing rate (NaN)."""
    return 1000.0 / family.dt if model.spiking else float("nan")


def lane_rows(lane: Lane, indices: Sequence[int], outcomes: Outcome, hertz: float) -> list[ProblemRow]:
    """Rows of problems.csv for one lane, none for a problem that was not attempted; `hertz` as `spikes_to_hertz`."""
    updates, loss, accuracy, solved, activity = (np.asarray(column) for column in outcomes)
    return [
        ProblemRow(
            lane.condition,
            lane.seed,
            index,
            int(updates[position]),
            float(loss[position]),
            float(accuracy[position]),
            bool(solved[position]),
            float(activity[position]) * hertz,
        )
        for position, index in enumerate(indices)
        if updates[position]
    ]


def recorded_trial(study: Study, model: Model, lane: Lane) -> dict[str, np.ndarray]:
    """One trial of the last problem of a lane, with all that the figure of a trial shows."""
    key = study.keys[study.lanes.index(lane)]
    problem_key, trial_key = jax.random.split(jax.random.fold_in(key, study.config.run.problems - 1))
    trial = study.family.sample(problem_key).trials(trial_key, 1)
    response = eqx.filter_jit(type(model).respond)(model, trial.inputs, trial_key)
    periods = study.family.periods()
    arrays = {
        "inputs": trial.inputs[:, 0],
        "target": trial.target[:, 0],
        "mask": trial.mask[:, 0],
        "decision": trial.decision[:, 0],
        "spikes": response.activity[:, 0],
        "voltage": response.hidden[:, 0],
        **_threshold(model),
        "output": response.output[:, 0],
        "output_names": np.array(study.family.output_names, dtype=np.str_),
        "dt": study.family.dt,
        "period_names": np.array(list(periods), dtype=np.str_),
        "period_ends_ms": np.cumsum(list(periods.values())),
    }
    return {name: np.asarray(values) for name, values in arrays.items()}


def _threshold(model: Model) -> dict[str, Array]:
    """Thresholds of the recurrent cells, where they have one."""
    if not isinstance(model, Recurrent):
        return {}
    neuron = model.network.populations[RECURRENT].neuron
    return {"threshold": neuron.threshold} if hasattr(neuron, "threshold") else {}  # pyright: ignore


def lane_model(state: LaneState, place: int) -> Model:
    """The network of one lane."""
    return jax.tree.map(lambda leaf: leaf[place], state.model)
