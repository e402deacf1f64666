"""Allocations: which parts of a model may learn, and how fast."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import jax
import numpy as np
from jaxtyping import PyTree

from metaplast.models.base import Model
from metaplast.params import learnable, match, parameter_paths, path_name, strong_float


@dataclass(frozen=True)
class Allocation:
    """A named answer to the question which parts of a model may change: globs over parameter paths."""

    name: str
    patterns: tuple[str, ...]

    def mask(self, model: Model) -> PyTree:
        """True where `model` may learn.

        Raises:
            ValueError: a pattern that names nothing.
        """
        try:
            return learnable(model, *self.patterns)
        except ValueError as error:
            raise ValueError(f"conditions.{self.name}: {error}") from None


def learning_rates(
    model: Model, allocations: Sequence[Allocation], rate: float, overrides: Mapping[str, float]
) -> PyTree:
    """Learning rate of every parameter in every lane; lane i learns what `allocations[i]` frees.

    Returns a tree with the structure of `model`: an array [lanes] where any lane learns, None elsewhere. `overrides`
    maps globs to rates of their own, the last match wins.

    Raises:
        ValueError: a pattern that names nothing.
    """
    special = {}
    for pattern, value in overrides.items():
        special |= dict.fromkeys(match(parameter_paths(model), (pattern,)), value)
    masks = [allocation.mask(model) for allocation in allocations]

    def of_leaf(path: tuple, leaf: object, *free: bool) -> jax.Array | None:
        if not any(free):
            return None
        return strong_float(np.array(free) * special.get(path_name(path), rate))

    return jax.tree_util.tree_map_with_path(of_leaf, model, *masks)
