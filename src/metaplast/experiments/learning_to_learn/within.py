"""The loss within a problem: saved networks learn again what they learned next, and every update is written down."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, PRNGKeyArray, PyTree

from metaplast.analysis.learning_to_learn.within import WithinRow, read_within, write_within
from metaplast.experiments.learning_to_learn.experiment import Lane, LaneState, Study, build_learner
from metaplast.experiments.learning_to_learn.pilot_lanes import stacked
from metaplast.experiments.learning_to_learn.session import CHECKPOINT, carried, load_model
from metaplast.experiments.states import load_state
from metaplast.learning import Lanes, loss_course
from metaplast.learning.gradient import GradientState
from metaplast.models import Model
from metaplast.run_names import END, START, Moment, learner_name
from metaplast.runs import RunDirectory
from metaplast.tasks import Family


class Again(NamedTuple):
    """A problem to be learned again, and the saved network that learns it."""

    lane: Lane
    moment: Moment

    @property
    def problem(self) -> int:
        """Its index in the sequence."""
        return self.moment.problems

    @property
    def key(self) -> tuple[str, int, int]:
        return self.lane.condition, self.lane.seed, self.problem


def problems_again(study: Study, directory: RunDirectory) -> list[Again]:
    """Every problem that a saved network learned next, or would have after the last one; lane by lane, in their order.

    What a network that gave up did not attempt is not attempted now.
    """
    config, table = study.config, directory.problems()
    seeds, wanted = config.analysis.seeds, config.analysis.within
    lanes = [lane for lane in study.lanes if not seeds or lane.seed < config.run.seed + seeds]
    found = []
    for lane in lanes:
        # The last one is followed by one that no run has learned; who came so far would attempt it.
        attempts = len(table.lane(*lane))
        reached = attempts + (attempts == config.run.problems)
        found += [Again(lane, moment) for moment in directory.moments(*lane) if moment.problems < reached]
    return [one for one in found if not wanted or one.problem in wanted]


def check_within(study: Study, directory: RunDirectory) -> None:
    """Refuse what cannot be learned again.

    Raises:
        ValueError: a problem before which no network was saved.
        FileNotFoundError: no checkpoint, without which learning cannot go on as it was.
    """
    saved = {moment.problems for lane in study.lanes for moment in directory.moments(*lane)}
    if unknown := sorted(set(study.config.analysis.within) - saved):
        raise ValueError(
            f"analysis.within: no network was saved before problem {unknown[0]}; there are some before: "
            f"{', '.join(map(str, sorted(saved)))}"
        )
    if not directory.has_arrays(CHECKPOINT):
        raise FileNotFoundError(f"{directory.path} has no {CHECKPOINT}.npz, from which its networks would learn on")


def measure_within(study: Study, directory: RunDirectory, told: Callable[[int, int], None]) -> None:
    """Write analysis/within.csv; problems that are there already are not learned again.

    `told` hears how many are done, and of how many.

    Raises:
        Mismatch: saved networks that do not fit the configuration.
        ValueError, FileNotFoundError: as `check_within`.
    """
    check_within(study, directory)
    end, _ = load_state(directory, CHECKPOINT, study.start)
    rows: dict[tuple[str, int, int], list[WithinRow]] = {}
    for row in read_within(directory):
        rows.setdefault((row.condition, row.seed, row.problem), []).append(row)
    again = problems_again(study, directory)
    missing = [one for one in again if one.key not in rows]
    told(len(again) - len(missing), len(again))
    order, places = {lane: place for place, lane in enumerate(study.lanes)}, len(jax.devices())
    learn = Lanes(_course_function(study), places)
    for first in range(0, len(missing), places):
        together = missing[first : first + places]
        # Idle places repeat the last network, so that one compiled program serves all calls.
        filled = [*together, *[together[-1]] * (places - len(together))]
        courses, updates = learn(*stacked([_arguments(study, directory, end, one) for one in filled]))
        for place, one in enumerate(together):
            rows[one.key] = rows_of_course(one, np.asarray(courses[place])[: int(updates[place])].tolist())
        by_lane = sorted(rows, key=lambda key: (order[Lane(*key[:2])], key[2]))
        write_within(directory, [row for key in by_lane for row in rows[key]])
        told(len(again) - len(missing) + first + len(together), len(again))


def rows_of_course(again: Again, losses: Sequence[float]) -> list[WithinRow]:
    """Rows of within.csv of one problem."""
    return [WithinRow(*again.key, update, float(loss)) for update, loss in enumerate(losses, 1)]


def _course_function(study: Study) -> Callable[..., Any]:
    config = study.config

    def one(
        family: Family, rates: PyTree, model: Model, learner: GradientState, key: PRNGKeyArray, index: Array
    ) -> tuple[Array, Array]:
        course, outcome = loss_course(
            build_learner(config, rates),
            model,
            learner,
            family,
            study.criterion,
            key,
            index,
            limit=config.criterion.limit,
            batch=config.learning.batch,
        )
        return course, outcome.updates

    return eqx.Partial(one, study.family)


def _arguments(study: Study, directory: RunDirectory, end: LaneState, again: Again) -> tuple[Any, ...]:
    """What `_course_function` takes of one problem."""
    place = study.lanes.index(again.lane)
    of_lane = lambda tree: jax.tree.map(lambda leaf: leaf[place], tree)  # noqa: E731
    model = load_model(directory, study, again.lane, again.moment.name)
    if again.moment.name in (START, END):
        learner = of_lane((study.start if again.moment.name == START else end).learner)
    else:
        learner = _learner_between(study, directory, of_lane(end.learner), model, again)
    return of_lane(study.learner.rates), model, learner, study.keys[place], jnp.asarray(again.problem, jnp.int32)


def _learner_between(
    study: Study, directory: RunDirectory, end: GradientState, model: Model, again: Again
) -> GradientState:
    """State of the learner at a snapshot: as saved, or of a run by an earlier version as far as it can be known.

    In the latter the homeostatic target is known, which stays as it is from the second problem on, but the estimate of
    the leading singular vectors starts from the exact ones.
    """
    name = learner_name(*again.lane, again.moment.name)
    if directory.has_arrays(name):
        saved, _ = load_state(directory, name, carried(study, end))
        return saved if saved.optimiser is not None else saved._replace(optimiser=end.optimiser)
    place = study.lanes.index(again.lane)
    rates = jax.tree.map(lambda leaf: leaf[place], study.learner.rates)
    fresh = build_learner(study.config, rates).init(model)
    # The number of problems says whether the target is still to be measured.
    loss = fresh.loss._replace(target=end.loss.target, problems=jnp.maximum(end.loss.problems, 2))
    return fresh._replace(loss=loss)
