"""The loss that relaxed gates see: that of a network of which each group learns as fast as its gate lets it."""

from dataclasses import dataclass
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, PRNGKeyArray, PyTree

from metaplast.allocation import Space
from metaplast.experiments.learning_to_learn.experiment import LaneState, build_learner
from metaplast.experiments.search.settings import AllocationSearch
from metaplast.models import Model
from metaplast.params import path_name, places
from metaplast.tasks import Family

UNDER_ROOT = 1e-12
"""A root of zero has no derivative; with this under Adam's, the gradient can pass the update."""
OPEN = -1
"""Number of the gate of what learns under every mask."""


def gate_of_parameter(space: Space, model: Model) -> dict[str, Int[np.ndarray, "..."]]:
    """By path of a parameter the number of its group, one a neuron where slices name it; `OPEN` for what always learns.

    Raises:
        ValueError: a pattern that names nothing, or whose slice does not fit a parameter.
    """
    found: dict[str, Int[np.ndarray, ...]] = {}
    for group, patterns in [*enumerate(space.groups.values()), (OPEN, space.always)]:
        for name, named in places(model, patterns).items():
            found[name] = np.where(named, group, found.get(name, OPEN))
    return found


@dataclass(frozen=True)
class Gates:
    """Inner learning as a function of the gates."""

    config: AllocationSearch
    family: Family
    rates: PyTree
    """Learning rates with all gates open."""
    gate_of: dict[str, Int[np.ndarray, "..."]]

    def loss(self, gates: Float[Array, " groups"], state: LaneState, key: PRNGKeyArray) -> Float[Array, ""]:
        """Mean task loss over `pilot.updates` updates of a new problem, from `state` on; differentiable in `gates`."""
        learner = build_learner(self.config, self._gated(gates), eps_root=UNDER_ROOT)
        problem_key, learn_key = jax.random.split(key)
        problem = self.family.sample(problem_key)
        arrays, static = eqx.partition(state.model, eqx.is_array)

        @jax.checkpoint
        def update(carry: tuple[Any, Any], key: Array) -> tuple[tuple[Any, Any], Array]:
            trial_key, step_key = jax.random.split(key)
            trials = problem.trials(trial_key, self.config.learning.batch)
            model, learner_state, metrics = learner.step(eqx.combine(carry[0], static), carry[1], trials, step_key)
            return (eqx.filter(model, eqx.is_array), learner_state), metrics.loss

        start = arrays, learner.begin(state.model, state.learner)
        return jax.lax.scan(update, start, jax.random.split(learn_key, self.config.pilot.updates))[1].mean()

    def _gated(self, gates: Array) -> PyTree:
        all_gates = jnp.append(gates, 1.0)  # whose last is the one that is always open

        def gated(path: tuple, rate: Array) -> Array:
            return rate * all_gates[self.gate_of.get(path_name(path), OPEN)]

        return jax.tree_util.tree_map_with_path(gated, self.rates)
