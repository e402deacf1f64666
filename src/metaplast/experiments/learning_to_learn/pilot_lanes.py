"""Pilot networks side by side: those that lag behind go first, until all are as far as a search asks."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, PyTree

from metaplast.experiments.learning_to_learn.experiment import Lane, LaneState, lane_rows, spikes_to_hertz
from metaplast.experiments.states import save_state
from metaplast.runs import ProblemRow, RunDirectory
from metaplast.tasks import Family


class Pilot(NamedTuple):
    """A pilot network and what it is to learn next."""

    rates: PyTree
    state: LaneState
    key: Array
    """Key of its network and problems."""
    indices: range
    """Problems to learn."""


class Advanced(NamedTuple):
    """What came out of it."""

    lane: Lane
    state: LaneState
    rows: list[ProblemRow]


def advance(
    learn: Callable[..., Any],
    lanes: Sequence[Lane],
    pilot: Callable[[Lane], Pilot],
    family: Family,
    directory: RunDirectory,
) -> list[Advanced]:
    """Learn a chunk of problems, one lane a device, and write rows and states; lanes that are repeated come once.

    `learn` is the function of `lane_function` over as many lanes.
    """
    pilots = [pilot(lane) for lane in lanes]
    after = learn(
        stacked([one.rates for one in pilots]),
        stacked([one.state for one in pilots]),
        jnp.stack([jax.random.fold_in(one.key, 1) for one in pilots]),
        jnp.asarray([list(one.indices) for one in pilots], jnp.int32),
    )
    found = []
    for place, lane in enumerate(dict.fromkeys(lanes)):
        (state, outcome), indices = of_lane(after, place), pilots[place].indices
        rows = lane_rows(lane, indices, outcome, spikes_to_hertz(state.model, family))
        directory.append_problems(rows)
        save_state(directory, state_name(lane), state, done=indices.stop)
        found.append(Advanced(lane, state, rows))
    return found


def catch_up(
    lanes: Iterable[Lane], wanted: int, reached: Callable[[Lane], int], advance: Callable[[list[Lane]], None]
) -> None:
    """Advance lanes, one a device, until each has reached what is wanted; places that are left repeat the last."""
    places, lanes = len(jax.devices()), set(lanes)
    order = lambda lane: (reached(lane), lane)  # noqa: E731
    while behind := sorted((lane for lane in lanes if reached(lane) < wanted), key=order):
        together = behind[:places]
        advance([*together, *[together[-1]] * (places - len(together))])


def stacked(trees: list[Any]) -> Any:
    """Trees of lanes as one with a leading axis of lanes."""
    return jax.tree.map(lambda *leaves: jnp.stack(leaves), *trees)


def of_lane(tree: Any, place: int) -> Any:
    """One lane of a tree with a leading axis of lanes."""
    return jax.tree.map(lambda leaf: leaf[place], tree)


def state_name(lane: Lane) -> str:
    """Name of the file of what a lane carries."""
    return f"states/{lane.condition}-seed{lane.seed}"
