"""A learner that is switched off for single parameters, by numbers: one compiled program serves every choice."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, PRNGKeyArray, PyTree

from metaplast.learning.classifier import Classifier
from metaplast.learning.parts import Experience, Part
from metaplast.params import path_name


class Gated(Part):
    """`part` where a gate is open: p <- p_after if open(p) else p, for every parameter p whose path has a gate.

    What is behind a closed gate keeps its value exactly.
    """

    part: Part
    gates: dict[str, Bool[Array, ""]]
    """By the path of a parameter."""

    @classmethod
    def of(cls, part: Part, gates: dict[str, Bool[Array, ""]]) -> "Gated":
        """A part behind gates, with its own name and clock."""
        return cls(part.name, part, gates, every=part.every)

    def wants_gradient(self, model: Classifier) -> PyTree:
        return self.part.wants_gradient(model)

    def wants_margins(self) -> bool:
        return self.part.wants_margins()

    def init(self, model: Classifier, key: PRNGKeyArray) -> PyTree:
        return self.part.init(model, key)

    def learn(self, model: Classifier, state: PyTree, experience: Experience) -> tuple[Classifier, PyTree]:
        after, state = self.part.learn(model, state, experience)

        def behind(path: tuple, new: Array, old: Array) -> Array:
            gate = self.gates.get(path_name(path))
            return new if gate is None else jnp.where(gate, new, old)

        return jax.tree_util.tree_map_with_path(behind, after, model), state
