"""Lesions: neurons that learned alike are silenced, and the network has to do, and to learn on, without them."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray, PyTree

from metaplast.analysis.networks.lesion_table import RANDOM, LesionRow, read_rows, write_rows
from metaplast.experiments.learning_to_learn.experiment import Lane, LaneState, Study, build_learner, lane_model
from metaplast.experiments.learning_to_learn.probes import probe_trials
from metaplast.experiments.learning_to_learn.session import CHECKPOINT
from metaplast.experiments.states import load_state
from metaplast.learning import Lanes, learn_sequence
from metaplast.learning.losses import accuracy, cross_entropy
from metaplast.models import Lesioned, Model, Recurrent
from metaplast.models.lesioned import SILENCED
from metaplast.models.recurrent import RECURRENT
from metaplast.runs import RunDirectory
from metaplast.tasks import Family

PROPERTIES = ("tau_dendrite", "tau_soma", "threshold", "delay")
"""Intrinsic properties by which neurons are grouped, where cells and axons have them: those of IP2-RSNN, and delays."""
LOTS = 3
"""Stream of random numbers by which control neurons are drawn; networks, problems and pilots use others."""


class Group(NamedTuple):
    """Neurons that are silenced together."""

    property: str
    bin: int
    low: float
    high: float
    neurons: Int[np.ndarray, " silenced"]


class Measured(NamedTuple):
    """How a network did; leaves have a leading axis of lesions."""

    loss: Float[Array, " lesions"]
    accuracy: Float[Array, " lesions"]
    updates: Int[Array, " lesions"]
    solved: Bool[Array, " lesions"]


def check_lesions(study: Study, directory: RunDirectory) -> None:
    """Refuse a run whose networks cannot be lesioned.

    Raises:
        ValueError: a model without recurrent cells or without any of `PROPERTIES`, or fewer neurons than bins.
        FileNotFoundError: no checkpoint, without which learning cannot go on as it was.
    """
    model, bins, neurons = lane_model(study.start, 0), study.config.analysis.bins, study.config.model.neurons
    if not _properties(model):
        raise ValueError(f"--lesions: the cells of this model have none of {', '.join(PROPERTIES)}; leave it out")
    if neurons < bins:
        raise ValueError(f"analysis.bins is {bins}, but there are {neurons} neurons; give fewer bins")
    if not directory.has_arrays(CHECKPOINT):
        raise FileNotFoundError(f"{directory.path} has no {CHECKPOINT}.npz, from which its networks would learn on")


def _properties(model: Model) -> dict[str, Array]:
    """The values of those of `PROPERTIES` that the recurrent cells of a model, or their axons, have."""
    populations = model.network.populations if isinstance(model, Recurrent) else {}
    owners = [populations[name].neuron for name in SILENCED if name in populations]
    return {name: getattr(owner, name) for name in PROPERTIES for owner in owners if hasattr(owner, name)}


def groups_of(model: Recurrent, bins: int, key: PRNGKeyArray) -> list[Group]:
    """Bins of equally many neurons by rank in each property, and as many of neurons drawn by lot, which share none.

    A property that is the same in all cells makes no bins. A cell with several branches has the mean of their values.
    """
    (neurons,) = model.network.populations[RECURRENT].shape
    groups = []
    for name, found in _properties(model).items():
        values = np.asarray(found)
        of_cells = np.broadcast_to(values, (*values.shape[:-1], neurons)).reshape(-1, neurons).mean(axis=0)
        if np.ptp(of_cells) > 0:
            parts = np.array_split(np.argsort(of_cells, kind="stable"), bins)
            groups += [
                Group(name, place, float(of_cells[part].min()), float(of_cells[part].max()), part)
                for place, part in enumerate(parts)
            ]
    lots = np.array_split(np.asarray(jax.random.permutation(key, neurons)), bins)
    return groups + [Group(RANDOM, place, np.nan, np.nan, part) for place, part in enumerate(lots)]


def measure_lesions(study: Study, directory: RunDirectory, told: Callable[[int, int], None]) -> None:
    """Write lesions.csv, lane by lane; lanes that are there already are not measured again.

    `told` hears how many lanes are done, and of how many.

    Raises:
        Mismatch: a checkpoint that does not fit the configuration.
        ValueError, FileNotFoundError: as `check_lesions`.
    """
    check_lesions(study, directory)
    state, _ = load_state(directory, CHECKPOINT, study.start)
    rows = read_rows(directory)
    measured = {(row.condition, row.seed) for row in rows}
    told(len(measured), len(study.lanes))
    measure = _compiled(study)
    for place, lane in enumerate(study.lanes):
        if lane in measured:
            continue
        groups = groups_of(lane_model(state, place), study.config.analysis.bins, _key_of_lots(lane))  # pyright: ignore
        rows += _rows(lane, groups, measure(state, place, groups))
        write_rows(directory, rows)
        measured.add(lane)
        told(len(measured), len(study.lanes))


def _key_of_lots(lane: Lane) -> PRNGKeyArray:
    """The same for all conditions of a seed."""
    return jax.random.fold_in(jax.random.key(lane.seed), LOTS)


def _compiled(study: Study) -> Callable[[LaneState, int, Sequence[Group]], Measured]:
    """The function (state of all lanes, place, groups) -> measured: the intact network first, then every group.

    Which neurons are silent is data, and groups that a lane lacks are filled up with intact networks, so that one
    compiled program serves every lane.
    """
    count = 1 + study.config.analysis.bins * (1 + len(_properties(study.start.model)))
    lesioned = Lanes(_lesion_function(study), count)

    def measure(state: LaneState, place: int, groups: Sequence[Group]) -> Measured:
        alive = np.ones((count, study.config.model.neurons), bool)
        for row, group in enumerate(groups, 1):
            alive[row, group.neurons] = False
        of_lane = jax.tree.map(lambda leaf: leaf[place], (study.learner.rates, state, study.keys))
        repeated = jax.tree.map(lambda leaf: jnp.broadcast_to(leaf, (count, *leaf.shape)), of_lane)
        return jax.tree.map(np.asarray, lesioned(*repeated, jnp.asarray(alive)))

    return measure


def _lesion_function(study: Study) -> Callable[..., Measured]:
    """What is done with one lesion: the last problem as it is, then the next one learned."""
    config = study.config

    def one(
        family: Family, rates: PyTree, state: LaneState, key: PRNGKeyArray, alive: Bool[Array, " neurons"]
    ) -> Measured:
        model = Lesioned(state.model, alive)  # pyright: ignore[reportArgumentType]
        trials, network_key = probe_trials(family, key, jnp.asarray(config.run.problems - 1), config.analysis.trials)
        output = model.respond(trials.inputs, network_key).output
        learner = build_learner(config, Lesioned(rates, None))  # pyright: ignore[reportArgumentType]
        _, _, outcomes = learn_sequence(
            learner,
            model,
            _as_learner_state(learner, model, state.learner),
            family,
            study.criterion,
            key,
            jnp.asarray([config.run.problems]),
            limit=config.criterion.limit,
            batch=config.learning.batch,
        )
        updates = jnp.where(outcomes.solved[0], outcomes.updates[0], config.criterion.limit)
        return Measured(cross_entropy(output, trials), accuracy(output, trials), updates, outcomes.solved[0])

    return eqx.Partial(one, study.family)


def _as_learner_state(learner: Any, model: Lesioned, state: PyTree) -> PyTree:
    """The learner's state of the intact network as one of the lesioned: the same arrays under other paths."""
    return jax.tree.unflatten(jax.tree.structure(jax.eval_shape(learner.init, model)), jax.tree.leaves(state))


def _rows(lane: Lane, groups: Sequence[Group], measured: Measured) -> list[LesionRow]:
    """Rows of lesions.csv of one lane."""
    loss, accuracy, updates, solved = (column.tolist() for column in measured)
    return [
        LesionRow(
            lane.condition,
            lane.seed,
            group.property,
            group.bin,
            group.low,
            group.high,
            len(group.neurons),
            loss[place],
            loss[0],
            accuracy[place],
            accuracy[0],
            updates[place],
            updates[0],
            solved[place],
            solved[0],
        )
        for place, group in enumerate(groups, 1)
    ]
