"""Networks that start with values another run has learned, such as intrinsic properties that are then held fixed."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array

from metaplast.experiments.learning_to_learn.settings import StartSettings
from metaplast.models import Model
from metaplast.params import match, parameter_paths, path_name
from metaplast.runs import RunDirectory, network_name


def with_learned(
    model: Model, start: StartSettings, lanes: Sequence[tuple[str, int]], begun: RunDirectory | None = None
) -> Model:
    """`model`, whose leaves have a leading lane axis, with what the same seeds have at the end of another run.

    `lanes` are pairs of condition and seed. A run that has `begun` has what it started with in its own directory, so
    that it needs the other no more.

    Raises:
        FileNotFoundError: no such run, or none of its networks has the condition and seed.
        ValueError: a glob that names nothing, or a shape that differs.
    """
    wanted = match(parameter_paths(model), tuple(start.parameters))
    own = [network_name(*lane, "start") for lane in lanes]
    if begun is not None and all(begun.has_arrays(name) for name in own):
        arrays = [_arrays(begun, name) for name in own]
    else:
        source = RunDirectory.open(start.run)
        arrays = [_arrays(source, network_name(start.condition, seed, "end")) for _, seed in lanes]

    def replaced(path: tuple[Any, ...], leaf: Array) -> Array:
        name = path_name(path)
        if name not in wanted:
            return leaf
        for found in arrays:
            if name not in found or found[name].shape != leaf.shape[1:]:
                there = found[name].shape if name in found else "absent"
                raise ValueError(f"start.run: {name} is {there} in {start.run}, but {leaf.shape[1:]} in this run")
        return jnp.stack([jnp.asarray(found[name], leaf.dtype) for found in arrays])

    return jax.tree_util.tree_map_with_path(replaced, model)


def _arrays(source: RunDirectory, name: str) -> dict[str, Any]:
    if not source.has_arrays(name):
        raise FileNotFoundError(
            f"start.run: {source.path} has no {name}.npz; give a run with start.condition and the same seeds"
        )
    return source.read_arrays(name)
