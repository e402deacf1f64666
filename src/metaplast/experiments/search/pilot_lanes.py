"""Pilot networks side by side: those that lag behind go first, until all are as far as a search asks."""

from collections.abc import Callable, Iterable
from typing import Any

import jax
import jax.numpy as jnp

from metaplast.experiments.learning_to_learn.experiment import Lane


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
