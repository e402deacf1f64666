"""What a lane carries, on disk: so that a run that was killed goes on where it was."""

from typing import Any, TypeVar

import jax
import numpy as np

from metaplast.runs import RunDirectory

State = TypeVar("State")


class Mismatch(ValueError):
    """What a run directory holds does not fit its configuration."""


def save_state(directory: RunDirectory, name: str, state: Any, **progress: float) -> None:
    """Write the arrays of `state`, and some numbers on how far it has come, at once or not at all."""
    leaves = {f"leaf{index}": np.asarray(leaf) for index, leaf in enumerate(jax.tree.leaves(state))}
    directory.write_arrays(name, leaves | {f"progress.{key}": np.asarray(value) for key, value in progress.items()})


def load_progress(directory: RunDirectory, name: str) -> dict[str, float]:
    """The numbers that were saved with a state."""
    arrays = directory.read_arrays(name)
    return {key.removeprefix("progress."): float(value) for key, value in arrays.items() if key.startswith("progress.")}


def load_state(directory: RunDirectory, name: str, like: State) -> tuple[State, dict[str, float]]:
    """A saved state with the structure of `like`, and the numbers that were saved with it.

    Raises:
        Mismatch: it was written by another configuration.
    """
    arrays = directory.read_arrays(name)
    leaves, structure = jax.tree.flatten(like)
    saved = [arrays.get(f"leaf{index}") for index in range(len(leaves))]
    if any(old is None or old.shape != leaf.shape for old, leaf in zip(saved, leaves, strict=True)):
        raise Mismatch(f"{directory.path}: the checkpoint {name} does not fit the configuration; start a new run")
    state = jax.tree.unflatten(structure, [jax.numpy.asarray(leaf) for leaf in saved])
    return state, load_progress(directory, name)
