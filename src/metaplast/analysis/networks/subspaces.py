"""Decision and stimulus subspaces of a population, and whether one problem's are used again for the next.

States are membranes, or rates, of all recurrent neurons: [time, trials, neurons].
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int
from scipy.linalg import subspace_angles

DIMENSIONS = 4
"""Vectors of a decision subspace, as in the public code of Goudar et al. (2023); as many for the stimulus subspace."""
DRAWS = 200
"""Pairs of random subspaces for a null distribution."""

States = Float[np.ndarray, "time trials neurons"]
Basis = Float[np.ndarray, "neurons dimensions"]


class Subspaces(NamedTuple):
    """Orthonormal bases, the direction with the most variance first."""

    decision: Basis
    stimulus: Basis


class Reuse(NamedTuple):
    """How much two subspaces have in common, and how much random ones would."""

    angles: Float[np.ndarray, " dimensions"]
    """Principal angles in degrees, ascending: 0 is a direction in common, 90 one that is new."""
    overlap: float
    """Mean of the squared cosines of the angles: 1 for the same subspace, 0 for orthogonal ones."""
    null_mean: float
    """Overlap of random subspaces that have the variances of the states; see `random_subspaces`."""
    null_high: float
    """95 % of random pairs overlap less."""


def averages(states: States, label: Int[np.ndarray, " trials"]) -> Float[np.ndarray, "time labels neurons"]:
    """Mean over the trials of each label, labels in ascending order."""
    return np.stack([states[:, label == one].mean(axis=1) for one in np.unique(label)], axis=1)


def leading(states: Float[np.ndarray, "... neurons"], dimensions: int) -> Basis:
    """The directions in which the sum of squares of the states is largest: left singular vectors, nothing subtracted.

    Signs are chosen so that the largest entry of each vector is positive. There are fewer where the states span less.
    """
    flat = np.asarray(states, float).reshape(-1, states.shape[-1])
    # The right singular vectors of [samples, neurons] are eigenvectors of a small matrix.
    values, vectors = np.linalg.eigh(flat.T @ flat)
    kept = [place for place in np.argsort(-values)[:dimensions] if values[place] > 1e-10 * max(values[-1], 1e-300)]
    basis = vectors[:, kept]
    largest = np.abs(basis).argmax(axis=0)
    return basis * np.where(basis[largest, np.arange(basis.shape[1])] < 0, -1.0, 1.0)


def subspaces(states: States, choice: Int[np.ndarray, " trials"], dimensions: int = DIMENSIONS) -> Subspaces:
    """Decision subspace: of the states averaged over the trials of each choice. Stimulus subspace: of what is left.

    X_c(t) = mean over trials with choice c of r(t),  P = U_4 U_4^T with U S V^T = [X_1 X_2 ...]
    stimulus: the leading left singular vectors of all (1 - P) r(t)

    As in Goudar et al. nothing is subtracted first, so that the time course that all choices share is part of the
    decision subspace. They average over 50 problems as well; here a moment has the trials of one problem.

    Reference: Goudar et al. (2023), Nature Neuroscience 26:879-890, and its public code.
    """
    decision = leading(averages(states, choice), dimensions)
    return Subspaces(decision, leading(without(states, decision), dimensions))


def without(states: Float[np.ndarray, "... neurons"], basis: Basis) -> Float[np.ndarray, "... neurons"]:
    """What is left of the states when their part in a subspace is taken away: (1 - B B^T) r."""
    return states - states @ basis @ basis.T


def captured(states: Float[np.ndarray, "... neurons"], basis: Basis) -> float:
    """Share of the sum of squares of the states that lies in a subspace, from 0 to 1; NaN of states that are zero."""
    total = float((np.asarray(states, float) ** 2).sum())
    return float(((states @ basis) ** 2).sum()) / total if total > 0 else np.nan


def between_choices(states: States, choice: Int[np.ndarray, " trials"]) -> Float[np.ndarray, "time choices neurons"]:
    """What tells the choices apart: the average of each choice minus the mean of these averages, at every step."""
    means = averages(states, choice)
    return means - means.mean(axis=1, keepdims=True)


def overlap(first: Basis, second: Basis) -> float:
    """Mean of the squared cosines of the principal angles; of random directions in N dimensions k / N on average."""
    return float((np.cos(subspace_angles(first, second)) ** 2).mean())


def random_subspaces(
    states: Float[np.ndarray, "... neurons"], dimensions: int, generator: np.random.Generator, draws: int = DRAWS
) -> Float[np.ndarray, "draws neurons dimensions"]:
    """Orthonormal bases of random directions that are likelier the more the states vary in them.

    Q of the QR decomposition of C^(1/2) G, with C the second moments of the states and G of normal numbers. Random
    directions of the whole space would overlap less than any two subspaces in which the same neurons are active.

    Reference: Elsayed et al. (2016), Nature Communications 7:13239, Methods (alignment of random subspaces).
    """
    flat = np.asarray(states, float).reshape(-1, states.shape[-1])
    values, vectors = np.linalg.eigh(flat.T @ flat)
    root = vectors * np.sqrt(np.maximum(values, 0.0))
    return np.linalg.qr(root @ generator.normal(size=(draws, len(values), dimensions)))[0]


def reuse(
    before: Basis, now: Basis, states_before: np.ndarray, states_now: np.ndarray, seed: int = 0, draws: int = DRAWS
) -> Reuse:
    """Principal angles of two subspaces, and the overlap of as large ones drawn by chance from the states of each.

    Reference: Bjorck & Golub (1973), as in `scipy.linalg.subspace_angles`; `random_subspaces` for the null.
    """
    generator = np.random.default_rng(seed)
    first = random_subspaces(states_before, before.shape[1], generator, draws)
    second = random_subspaces(states_now, now.shape[1], generator, draws)
    # The cosines of the principal angles are the singular values of A^T B.
    chance = (np.swapaxes(first, 1, 2) @ second) ** 2
    by_chance = chance.sum(axis=(1, 2)) / min(before.shape[1], now.shape[1])
    angles = np.sort(np.degrees(subspace_angles(before, now)))
    return Reuse(angles, overlap(before, now), float(by_chance.mean()), float(np.quantile(by_chance, 0.95)))
