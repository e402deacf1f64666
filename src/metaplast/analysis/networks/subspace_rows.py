"""Decision and stimulus subspaces of the saved networks of a run, each against the one before it, as rows."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from metaplast.analysis.networks.moments import Arrays, Moment
from metaplast.analysis.networks.probes import choices
from metaplast.analysis.networks.subspaces import (
    Reuse,
    Subspaces,
    averages,
    between_choices,
    captured,
    leading,
    random_subspaces,
    reuse,
    subspaces,
)
from metaplast.runs import RunDirectory


class SubspaceRow(NamedTuple):
    """The subspaces of one lane at one moment, and what they have in common with those of the moment before."""

    condition: str
    seed: int
    moment: str
    problems: int
    before: int
    """Problems learned at the moment that it is compared with; -1 of the first, which is compared with none."""
    decision: float
    """Share of the sum of squares of all states that lies in the decision subspace."""
    stimulus: float
    """In the stimulus subspace."""
    choice: float
    """Share of what tells the choices apart that lies in the decision subspace."""
    choice_before: float
    """The same in the decision subspace of the moment before: how far it still serves."""
    axes_before: float
    """The same in as many directions that told the choices apart best at the moment before."""
    choice_null: float
    """The same in random subspaces, with the variances of the moment before: mean."""
    choice_null_high: float
    """95 % of random subspaces hold less."""
    angle_1: float
    """Principal angles in degrees between the two decision subspaces, ascending."""
    angle_2: float
    angle_3: float
    angle_4: float
    overlap: float
    """Of the decision subspaces: mean squared cosine of the angles."""
    overlap_null: float
    overlap_null_high: float
    stimulus_overlap: float
    """Of the stimulus subspaces."""
    stimulus_null: float
    stimulus_null_high: float


class Seen(NamedTuple):
    """The states of one moment, averaged over the trials of each stimulus, and their subspaces."""

    states: np.ndarray
    choice: np.ndarray
    found: Subspaces


def seen(probe: Arrays) -> Seen:
    """States and subspaces of one probe: every stimulus counts the same, however often it was drawn."""
    _, first = np.unique(probe["stimulus"], return_index=True)
    states = averages(np.asarray(probe["voltage"], float), probe["stimulus"])
    choice = choices(probe)[first]
    return Seen(states, choice, subspaces(states, choice))


def subspace_rows(run: RunDirectory, moment: Moment, before: Moment | None) -> Iterator[SubspaceRow]:
    """The row of one moment; `before` is the probed moment before it in the same lane, if there is one."""
    now = seen(run.read_arrays(moment.probe))
    apart, basis = between_choices(now.states, now.choice), now.found.decision
    own = (captured(now.states, basis), captured(now.states, now.found.stimulus), captured(apart, basis))
    if before is None:
        yield SubspaceRow(*moment, -1, *own, *[np.nan] * 14)
        return
    past = seen(run.read_arrays(before.probe))
    chance = random_subspaces(past.states, past.found.decision.shape[1], np.random.default_rng(0))
    by_chance = np.array([captured(apart, one) for one in chance])
    decision = _reuse(past.states, now.states, past.found.decision, basis)
    stimulus = _reuse(past.states, now.states, past.found.stimulus, now.found.stimulus)
    angles = np.full(4, np.nan)
    angles[: len(decision.angles)] = decision.angles[:4]
    axes = leading(between_choices(past.states, past.choice), past.found.decision.shape[1])
    choice = [captured(apart, past.found.decision), captured(apart, axes)]
    choice += [float(by_chance.mean()), float(np.quantile(by_chance, 0.95))]
    row = [*moment, before.problems, *own, *choice, *angles.tolist(), *decision[1:], *stimulus[1:]]
    yield SubspaceRow._make(row)


def _reuse(states_before: np.ndarray, states_now: np.ndarray, before: np.ndarray, now: np.ndarray) -> Reuse:
    """Reuse of a subspace; unknown where one of the two is empty, as in a silent network."""
    if not before.shape[1] or not now.shape[1]:
        return Reuse(np.zeros(0), np.nan, np.nan, np.nan)
    return reuse(before, now, states_before, states_now)
