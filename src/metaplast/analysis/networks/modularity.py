"""Modules of a network: groups of neurons more tightly bound than their strengths alone would bring about."""

from typing import NamedTuple

import networkx as nx
import numpy as np
from jaxtyping import Float, Int

SURROGATES = 20
"""Networks of the null model for one z-score."""

Adjacency = Float[np.ndarray, "neurons neurons"]


class Modules(NamedTuple):
    """The partition that Louvain's method found."""

    quality: float
    """Modularity Q of it: 0 as by chance, below 1."""
    community: Int[np.ndarray, " neurons"]
    """Index of the community of every neuron, the largest being 0; -1 for neurons without any edge."""


class Significance(NamedTuple):
    """Modularity against networks of the null model."""

    mean: float
    """Of Q over the null networks."""
    deviation: float
    """Standard deviation of Q over them."""
    z: float
    """(Q - mean) / deviation; NaN where the null networks do not differ."""


def structural(weight: Float[np.ndarray, "pre ... post"]) -> Adjacency:
    """Undirected network of the absolute recurrent weights: A = (|W| + |W|^T) / 2 without autapses.

    Weights that sit on several branches (or serve several gates) of a cell are summed in absolute value.

    Raises:
        ValueError: weights that do not lead from cells to the same cells.
    """
    strength = np.abs(np.asarray(weight, float))
    strength = strength.sum(axis=tuple(range(1, strength.ndim - 1)))
    if strength.ndim != 2 or strength.shape[0] != strength.shape[1]:
        raise ValueError(f"weights have the shape {weight.shape}; expected [neurons, ..., neurons], of recurrent ones")
    adjacency = (strength + strength.T) / 2
    np.fill_diagonal(adjacency, 0.0)
    return adjacency


def functional(activity: Float[np.ndarray, "time trials neurons"]) -> Adjacency:
    """Undirected network of the correlations of activity over time and trials; negative ones are left out.

    A neuron whose activity never changes is correlated with none.
    """
    flat = np.asarray(activity, float).reshape(-1, activity.shape[-1])
    flat = flat - flat.mean(axis=0)
    norm = np.sqrt((flat**2).sum(axis=0))
    unit = np.divide(flat, norm, out=np.zeros_like(flat), where=norm > 1e-12 * np.sqrt(len(flat)))
    adjacency = np.clip(unit.T @ unit, 0.0, 1.0)
    np.fill_diagonal(adjacency, 0.0)
    return adjacency


def modules(adjacency: Adjacency, seed: int = 0) -> Modules:
    """Communities that make modularity large, by Louvain's method.

    Q = sum over pairs ij in one community of (A_ij - k_i k_j / 2m) / 2m;   k_i = sum_j A_ij, 2m = sum_i k_i

    Deterministic for one `seed`; another may find another partition of about the same Q.

    Reference: Newman (2004); Blondel et al. (2008), as in `networkx.community.louvain_communities`.
    """
    community = np.full(len(adjacency), -1)
    bound = np.flatnonzero(adjacency.sum(axis=0) > 0)
    if not len(bound):
        return Modules(np.nan, community)
    graph = nx.from_numpy_array(adjacency[np.ix_(bound, bound)])
    found = nx.community.louvain_communities(graph, seed=seed)
    ordered = sorted((sorted(members) for members in found), key=lambda members: (-len(members), members))
    for index, members in enumerate(ordered):
        community[bound[members]] = index
    return Modules(quality(adjacency, community), community)


def quality(adjacency: Adjacency, community: Int[np.ndarray, " neurons"]) -> float:
    """Modularity Q of a partition, as in `modules`.

    Reference: Newman (2004), Physical Review E 70:056131.
    """
    strength = adjacency.sum(axis=0)
    total = strength.sum()
    same = community[:, None] == community
    return float((adjacency - np.outer(strength, strength) / total)[same].sum() / total)


def participation(adjacency: Adjacency, community: Int[np.ndarray, " neurons"]) -> Float[np.ndarray, " neurons"]:
    """How evenly the edges of each neuron are spread over communities; NaN for neurons without any edge.

    P_i = 1 - sum over communities c of (k_ic / k_i)^2;   k_ic = sum over j in c of A_ij

    0 if all edges stay in one community, 1 - 1/M if they are spread evenly over M.

    Reference: Guimera & Amaral (2005), Nature 433:895-900, eq. 2, with strengths in the place of degrees.
    """
    member = community[:, None] == np.unique(community[community >= 0])
    into = adjacency @ member.astype(float)
    strength = adjacency.sum(axis=1, keepdims=True)
    share = np.divide(into, strength, out=np.full_like(into, np.nan), where=strength > 0)
    return 1.0 - (share**2).sum(axis=1) if share.shape[1] else np.full(len(adjacency), np.nan)


def surrogate(adjacency: Adjacency, generator: np.random.Generator, rounds: int = 25) -> Adjacency:
    """A random network with the same weights and, very nearly, the same strength of every neuron.

    The weights are dealt anew to all pairs, in `rounds` portions. In each, pairs chosen by lot take the weight of
    their own rank, where pairs are ranked by the product of the strengths that their two neurons still lack.

    Reference: Rubinov & Sporns (2011), NeuroImage 56:2068-2079, appendix, for networks in which all pairs may bind.
    """
    row, column = np.triu_indices(len(adjacency), 1)
    left = np.sort(adjacency[row, column])
    lacking = adjacency.sum(axis=0)
    made = np.zeros_like(adjacency)
    open_pairs = np.arange(len(row))
    for turn in range(rounds, 0, -1):
        expected = lacking[row[open_pairs]] * lacking[column[open_pairs]]
        # Ties, as of silent neurons, are broken by lot.
        order = np.lexsort((generator.random(len(open_pairs)), expected))
        ranks = np.sort(generator.permutation(len(order))[: -(-len(order) // turn)])
        pairs = open_pairs[order[ranks]]
        made[row[pairs], column[pairs]] = made[column[pairs], row[pairs]] = left[ranks]
        lacking = np.maximum(adjacency.sum(axis=0) - made.sum(axis=0), 0.0)
        left, open_pairs = np.delete(left, ranks), np.delete(open_pairs[order], ranks)
    return made


def significance(adjacency: Adjacency, observed: float, seed: int = 0, surrogates: int = SURROGATES) -> Significance:
    """The modularity `observed` against that of `surrogate` networks, whose communities are sought in the same way.

    Q of Louvain's method is well above 0 for random networks too, so only z tells whether there are modules. Of
    functional networks z is too large by an amount that this null does not tell: three activities of which two
    pairs are correlated are seldom uncorrelated in the third (Zalesky, Fornito & Bullmore, 2012).
    """
    found = []
    for index in range(surrogates):
        generator = np.random.default_rng([seed, index])
        found.append(modules(surrogate(adjacency, generator), int(generator.integers(2**31))).quality)
    mean, deviation = float(np.mean(found)), float(np.std(found, ddof=1))
    return Significance(mean, deviation, (observed - mean) / deviation if deviation > 1e-9 else np.nan)
