"""Few-shot learning: a readout for classes never seen before, learned from a few examples over features that stay."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from metaplast.learning.selfbackprop import SelfBackpropagation
from metaplast.learning.stack import Layer

Features = Float[Array, "examples features"]
Labels = Int[Array, " examples"]
Scores = Float[Array, "queries ways"]


class Episodes(NamedTuple):
    """Which examples are shown and asked for; class by class, so labels are the same in every episode."""

    support: Int[np.ndarray, "episodes ways*shots"]
    query: Int[np.ndarray, "episodes ways*queries"]


def draw_episodes(
    labels: np.ndarray, rng: np.random.Generator, *, episodes: int, ways: int, shots: int, queries: int
) -> Episodes:
    """Classes, and examples of each, drawn without repetition for every episode.

    Raises:
        ValueError: fewer classes than ways, or a class with fewer examples than shots and queries.
    """
    places = [np.flatnonzero(labels == label) for label in np.unique(labels)]
    if len(places) < ways:
        raise ValueError(f"few_shot.ways is {ways}; there are {len(places)} unseen classes (few_shot.unseen)")
    fewest = min(map(len, places))
    if fewest < shots + queries:
        raise ValueError(f"few_shot.shots + few_shot.queries is {shots + queries}; a class has {fewest} test examples")
    support, query = [], []
    for _ in range(episodes):
        chosen = rng.permutation(len(places))[:ways]
        drawn = np.stack([rng.permutation(places[label])[: shots + queries] for label in chosen])
        support.append(drawn[:, :shots].ravel())
        query.append(drawn[:, shots:].ravel())
    return Episodes(np.stack(support), np.stack(query))


def hebbian_scores(support: Features, labels: Labels, query: Features, ways: int) -> Scores:
    """One presentation to an empty Hebbian readout while a teacher holds its membranes.

    H = mean_batch( x outer tanh(u) ), u = 1 threshold at the cell of the label and -1 at the others; score = x H.
    The rule is that of Wu et al. (2022), eq. 4, with beta 1 and eta 0; the teacher is assumed.
    """
    held = 2.0 * jnp.eye(ways)[labels] - 1.0
    return query @ (support.T @ jnp.tanh(held)) / len(support)


def settled_scores(support: Features, labels: Labels, query: Features, ways: int) -> Scores:
    """A readout that learns by self-backpropagation from zero weights, the support shown so often that it settles.

    Reference: Zhang et al. (2021); their rate of the output layer, the number of presentations assumed.
    """
    rule = SelfBackpropagation((0.05,))
    layers: Sequence[Layer] = (Layer(jnp.zeros((support.shape[-1], ways)), jnp.zeros(ways)),)
    for _ in range(PRESENTATIONS):
        layers, _ = rule.step(layers, support, labels)
    return query @ layers[0].weight + layers[0].bias


PRESENTATIONS = 20
RIDGE = 0.1
"""Of the mean squared length of the features (assumed)."""


def least_squares_scores(support: Features, labels: Labels, query: Features, ways: int) -> Scores:
    """Where a readout that learns by gradient ends, with a little decay: ridge regression on one-hot labels."""
    products = support @ support.T
    decay = RIDGE * jnp.mean(jnp.diagonal(products)) + 1e-6
    weight = jnp.linalg.solve(products + decay * jnp.eye(len(support)), jnp.eye(ways)[labels])
    return query @ support.T @ weight


def nearest_scores(support: Features, labels: Labels, query: Features, ways: int) -> Scores:
    """Minus the squared distance to the nearest example of each class."""
    distance = jnp.sum(query**2, -1)[:, None] - 2 * query @ support.T + jnp.sum(support**2, -1)
    of_class = jnp.where(jnp.eye(ways, dtype=bool)[labels], distance[..., None], jnp.inf)
    return -jnp.min(of_class, axis=1)


READOUTS: dict[str, Callable[[Features, Labels, Features, int], Scores]] = {
    "hebbian": hebbian_scores,
    "self-backpropagation": settled_scores,
    "least-squares": least_squares_scores,
}
"""Mechanisms by which the readout of new classes may learn: (support, labels, query, ways) -> scores."""
