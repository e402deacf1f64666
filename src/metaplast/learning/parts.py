"""The learners of the single mechanisms: each changes what is its own, at its own rate and on its own clock."""

from abc import abstractmethod
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, Int, PRNGKeyArray, PyTree

from metaplast.learning.classifier import Answer, Classifier
from metaplast.learning.targets import one_hot
from metaplast.network import Network
from metaplast.params import learnable, project


class Experience(NamedTuple):
    """What a batch has to teach."""

    inputs: Float[Array, "time batch *source"]
    labels: Int[Array, " batch"]
    answer: Answer
    gradient: PyTree
    """Of the loss, with the structure of the model; None where nothing asks for it."""
    network: Network
    """As the batch met it: with gains, and with all weights as plasticity had left them."""


class Part(eqx.Module):
    """The learner of one mechanism."""

    name: str = eqx.field(static=True)
    every: int = eqx.field(default=1, static=True, kw_only=True)
    """Batches between two of its changes."""

    def wants_gradient(self, model: Classifier) -> PyTree:
        """Mask of the parameters whose gradient it needs."""
        return jax.tree.map(lambda _: False, model)

    def wants_margins(self) -> bool:
        """Whether it needs to know how far every membrane was from its threshold, at every step."""
        return False

    @abstractmethod
    def init(self, model: Classifier, key: PRNGKeyArray) -> PyTree:
        """What it remembers, before it has learned; `key` is for what it draws."""

    @abstractmethod
    def learn(self, model: Classifier, state: PyTree, experience: Experience) -> tuple[Classifier, PyTree]:
        """The model after one change, and what it remembers."""

    def on_time(
        self, model: Classifier, state: PyTree, experience: Experience, count: Int[Array, ""]
    ) -> tuple[Classifier, PyTree]:
        """`learn` if it is its turn after `count` batches before this one."""
        if self.every == 1:
            return self.learn(model, state, experience)
        arrays, static = eqx.partition((model, state), eqx.is_array)

        def turn(arrays: PyTree) -> PyTree:
            model, state = eqx.combine(arrays, static)
            return eqx.filter(self.learn(model, state, experience), eqx.is_array)

        due = (count + 1) % self.every == 0
        return eqx.combine(jax.lax.cond(due, turn, lambda arrays: arrays, arrays), static)


class ByGradient(Part):
    """Adam on the gradient of the loss, for the parameters that `patterns` name and no others.

    Reference: Kingma & Ba (2015); Wu et al. (2022) take 1e-3 for weights and 5e-4 for the parameters of their rule.
    """

    patterns: tuple[str, ...] = eqx.field(static=True)
    rate: float = eqx.field(default=1e-3, static=True)
    changes: int = eqx.field(default=0, static=True)
    """Changes over which the rate falls to zero, along half a cosine (Loshchilov & Hutter 2017); 0: it stays."""

    def wants_gradient(self, model: Classifier) -> PyTree:
        return learnable(model, *self.patterns)

    def init(self, model: Classifier, key: PRNGKeyArray) -> PyTree:
        return self._optimiser().init(self._own(model))

    def learn(self, model: Classifier, state: PyTree, experience: Experience) -> tuple[Classifier, PyTree]:
        own, others = eqx.partition(model, self.wants_gradient(model))
        gradient = eqx.filter(experience.gradient, self.wants_gradient(model))
        change, state = self._optimiser().update(gradient, state)
        return eqx.combine(project(eqx.apply_updates(own, change)), others), state

    def _own(self, model: Classifier) -> PyTree:
        return eqx.filter(model, self.wants_gradient(model))

    def _optimiser(self) -> optax.GradientTransformation:
        return adam(self.rate, self.changes)


def adam(rate: float, changes: int = 0) -> optax.GradientTransformation:
    """Adam, whose rate falls to zero over so many changes along half a cosine; 0: it stays."""
    return optax.adam(optax.cosine_decay_schedule(rate, changes) if changes else rate)


def either(masks: list[PyTree]) -> PyTree:
    """Where any of the masks is true."""
    return jax.tree.map(lambda *flags: any(flags), *masks)


def mean_squared(scores: Float[Array, "batch classes"], labels: Int[Array, " batch"]) -> Float[Array, ""]:
    """Mean over batch and classes of (score - [class is the label])^2, as in the demo of Wu et al. (2022)."""
    return jnp.mean(jnp.square(scores - one_hot(labels, scores.shape[-1])))


def cross_entropy(scores: Float[Array, "batch classes"], labels: Int[Array, " batch"]) -> Float[Array, ""]:
    """Mean over the batch of -log softmax(scores)[label] (nats)."""
    return jnp.mean(optax.softmax_cross_entropy_with_integer_labels(scores, labels))


LOSSES: dict[str, Any] = {"mean-squared": mean_squared, "cross-entropy": cross_entropy}
"""Losses of a classifier by name: (scores, labels) -> scalar."""
