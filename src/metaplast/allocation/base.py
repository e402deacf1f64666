"""Allocations: which parts of a model may learn, and how fast."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import jax
import numpy as np
from jaxtyping import Bool, PyTree

from metaplast.models.base import Model
from metaplast.params import path_name, places, strong_float


@dataclass(frozen=True)
class Allocation:
    """A named answer to the question which parts of a model may change: globs over parameter paths.

    A glob may end in a slice over neurons, the last axis of a parameter: `*.threshold[:50]` frees the thresholds of the
    first 50, and `*.weight[::2]` the weights that arrive at every other one.
    """

    name: str
    patterns: tuple[str, ...]

    def places(self, model: Model) -> dict[str, Bool[np.ndarray, "..."]]:
        """What may learn, by path; see `params.places`.

        Raises:
            ValueError: a pattern that names nothing, or whose slice does not fit a parameter.
        """
        try:
            return places(model, self.patterns)
        except ValueError as error:
            raise ValueError(f"conditions.{self.name}: {error}") from None


def learning_rates(
    model: Model, allocations: Sequence[Allocation], rate: float, overrides: Mapping[str, float]
) -> PyTree:
    """Learning rate of every parameter in every lane; lane i learns what `allocations[i]` frees.

    Returns a tree with the structure of `model`, a network of one lane: an array [lanes] where any lane learns, None
    elsewhere; an array [lanes, neurons] where slices name a parameter. `overrides` maps globs to rates of their own,
    the last match wins.

    Raises:
        ValueError: a pattern that names nothing, or whose slice does not fit a parameter.
    """
    special: dict[str, np.ndarray] = {}
    for pattern, value in overrides.items():
        try:
            found = places(model, (pattern,))
        except ValueError as error:
            raise ValueError(f"learning.rates: {error}") from None
        for name, named in found.items():
            special[name] = np.where(named, value, special.get(name, rate))
    lanes = [allocation.places(model) for allocation in allocations]

    def of_leaf(path: tuple, _: object) -> jax.Array | None:
        name = path_name(path)
        if not any(name in lane for lane in lanes):
            return None
        each = [lane.get(name, np.array(False)) * special.get(name, rate) for lane in lanes]
        return strong_float(np.stack(np.broadcast_arrays(*each)))

    return jax.tree_util.tree_map_with_path(of_leaf, model)
