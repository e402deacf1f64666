"""What a neuron tells of: how much of its activity goes with the time, the choice or the stimulus of a trial."""

from itertools import pairwise
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

Label = Int[np.ndarray, " trials"]


class Shares(NamedTuple):
    """Shares of the variance of each neuron over the steps and trials of a period; they add up to 1.

    NaN for neurons whose activity does not change.
    """

    time: Float[np.ndarray, " neurons"]
    """The same in all trials: the time course."""
    choice: Float[np.ndarray, " neurons"]
    """Where the choices differ."""
    stimulus: Float[np.ndarray, " neurons"]
    """Where stimuli with one and the same choice differ."""
    rest: Float[np.ndarray, " neurons"]
    """Where trials with one and the same stimulus differ: noise."""


def balanced(stimulus: Label) -> Float[np.ndarray, " trials"]:
    """Weights of the trials with which every stimulus counts the same, however often it was drawn; their mean is 1.

    Without them the choices would differ before anything tells them apart, because their trials differ in stimuli.
    """
    _, place, count = np.unique(stimulus, return_inverse=True, return_counts=True)
    return len(place) / len(count) / count[place]


def eta_squared(
    values: Float[np.ndarray, "trials neurons"], label: Label, weight: Float[np.ndarray, " trials"] | None = None
) -> Float[np.ndarray, " neurons"]:
    """Share of the variance over trials between labels: 1 for a perfectly selective neuron, 0 for a blind one.

    eta^2 = sum_l n_l (mean_l - mean)^2 / sum_trials (value - mean)^2;  NaN for neurons that never differ.

    A network without noise does the same in all trials of one stimulus, so eta^2 of the *stimulus* is then 1 by
    construction for every neuron that differs at all; see `shares`. Trials count by their `weight`, or alike.

    Reference: Cohen (1988), section 8.2.
    """
    values, weight = np.asarray(values, float), np.ones(len(values)) if weight is None else weight
    centre = np.average(values, axis=0, weights=weight)
    between, whole = _means(values, label, weight) - centre, values - centre
    return _ratio(weight @ between**2, weight @ whole**2, weight @ values**2)


def d_prime(
    values: Float[np.ndarray, "trials neurons"], label: Label, weight: Float[np.ndarray, " trials"] | None = None
) -> Float[np.ndarray, " neurons"]:
    """Discriminability of two labels: d' = (mean_2 - mean_1) / sqrt((var_1 + var_2) / 2), the larger label being 2.

    Infinite where there is a difference and no variance, NaN where there is neither. Trials count by their `weight`,
    or alike.

    Raises:
        ValueError: other than two labels.

    Reference: Green & Swets (1966).
    """
    kinds = np.unique(label)
    if len(kinds) != 2:
        raise ValueError(f"d_prime got {len(kinds)} labels; expected 2, use eta_squared for more")
    values, weight = np.asarray(values, float), np.ones(len(values)) if weight is None else weight
    means = _means(values, label, weight)
    first, second = ((label == kind) for kind in kinds)
    variances = [np.average((values - means)[one] ** 2, axis=0, weights=weight[one]) for one in (first, second)]
    with np.errstate(divide="ignore", invalid="ignore"):
        return (means[second][0] - means[first][0]) / np.sqrt(sum(variances) / 2)


def shares(activity: Float[np.ndarray, "time trials neurons"], choice: Label, stimulus: Label) -> Shares:
    """Divide the variance of every neuron over steps and trials among time, choice, stimulus and rest.

    With m(t) the mean over trials, c(t) that over the trials of a choice, s(t) over those of a stimulus with that
    choice, all of it is: (x - mean)^2 = (m - mean)^2 + (c - m)^2 + (s - c)^2 + (x - s)^2, summed over steps and trials.
    Every stimulus counts the same, see `balanced`.

    Reference: sums of squares of a nested analysis of variance; the marginalisation of Kobak et al. (2016), eLife.
    """
    nested = np.unique(np.stack([choice, stimulus]), axis=1, return_inverse=True)[1].reshape(-1)
    weight = balanced(nested)
    trials = np.swapaxes(np.asarray(activity, float), 0, 1)
    labels = (np.zeros(len(nested), int), choice, nested)
    levels = [_means(trials, label, weight) for label in labels]
    levels = [np.broadcast_to(levels[0].mean(axis=1, keepdims=True), trials.shape), *levels, trials]
    parts = [_squares(finer - coarser, weight) for coarser, finer in pairwise(levels)]
    return Shares(*(_ratio(part, _squares(trials - levels[0], weight), _squares(trials, weight)) for part in parts))


def chance_of_choice(found: Shares, choice: Label, stimulus: Label) -> Float[np.ndarray, " neurons"]:
    """The share of the choice to be expected if the choices were dealt to the stimuli by lot.

    (choices - 1) / (stimuli - 1) of what choice and stimulus have together, the mean over all permutations: with few
    stimuli to a choice, neurons that know nothing of the choice differ between choices all the same.
    """
    choices, stimuli = len(np.unique(choice)), len(np.unique(np.stack([choice, stimulus]), axis=1).T)
    return (found.choice + found.stimulus) * ((choices - 1) / (stimuli - 1) if stimuli > 1 else np.nan)


def _squares(values: Float[np.ndarray, "trials time neurons"], weight: np.ndarray) -> Float[np.ndarray, " neurons"]:
    return np.einsum("b,btn->n", weight, values**2)


def _means(values: np.ndarray, label: Label, weight: np.ndarray) -> np.ndarray:
    """For each trial, the first axis, the weighted mean over all trials with its label."""
    kinds, place = np.unique(label, return_inverse=True)
    return np.stack([np.average(values[label == one], axis=0, weights=weight[label == one]) for one in kinds])[place]


def _ratio(part: np.ndarray, total: np.ndarray, size: np.ndarray) -> np.ndarray:
    """Shares of the total, unknown where there is none but for rounding."""
    return np.divide(part, total, out=np.full_like(total, np.nan), where=total > 1e-12 * size)
