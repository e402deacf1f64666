"""Modularity and participation of the saved networks of a run, as rows of a table."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from metaplast.analysis.networks.modularity import functional, modules, participation, significance, structural
from metaplast.analysis.networks.moments import Arrays, Moment
from metaplast.analysis.networks.probes import activity
from metaplast.runs import RunDirectory

RECURRENT = "projections.recurrent.weight"
"""How the path of the recurrent weights ends."""


class ModularityRow(NamedTuple):
    """The network of one lane at one moment."""

    condition: str
    seed: int
    moment: str
    problems: int
    neurons: int
    """With any edge."""
    communities: int
    modularity: float
    """Q."""
    null_mean: float
    """Q of random networks of the same weights and strengths."""
    null_deviation: float
    z: float
    participation: float
    """Mean over neurons."""


def recurrent_weight(parameters: Arrays) -> np.ndarray | None:
    """The recurrent weights among the parameters of a network, or None if it has none."""
    return next((value for path, value in parameters.items() if path.endswith(RECURRENT)), None)


def structural_rows(run: RunDirectory, moment: Moment) -> Iterator[ModularityRow]:
    """Modules of the recurrent weights; no row for a model without them."""
    weight = recurrent_weight(run.read_arrays(moment.network))
    if weight is not None:
        yield modularity_row(moment, structural(weight))


def functional_rows(run: RunDirectory, moment: Moment) -> Iterator[ModularityRow]:
    """Modules of what the neurons do together in the probe trials."""
    yield modularity_row(moment, functional(activity(run.read_arrays(moment.probe))))


def modularity_row(moment: Moment, adjacency: np.ndarray) -> ModularityRow:
    """Communities of one network, their modularity against the null model, and the participation of its neurons."""
    found = modules(adjacency)
    bound = found.community >= 0
    # Neurons without an edge say nothing, and would only make the surrogate networks slower.
    inner = adjacency[np.ix_(bound, bound)]
    null = significance(inner, found.quality) if bound.sum() > 2 else (np.nan, np.nan, np.nan)
    spread = participation(inner, found.community[bound])
    return ModularityRow(
        *moment,
        int(bound.sum()),
        int(found.community.max() + 1),
        found.quality,
        *null,
        float(spread.mean()) if bound.any() else np.nan,
    )
