"""What a sweep over learning rates came to: the score of every model and rate, and the rate that is chosen."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from metaplast.analysis.learning_to_learn.curves import counted
from metaplast.runs import ProblemTable

RULE = (
    "score: mean updates to criterion over pilot problems and seeds, an unsolved problem counting the limit; the least "
    "is chosen, of equal ones that with the lower final task loss, then the smaller rate"
)


class RateScore(NamedTuple):
    """One model with one learning rate."""

    rate: float
    score: float
    """Updates to criterion, mean over problems and seeds; an unsolved problem counts the limit."""
    by_seed: list[float]
    """The same of every seed."""
    problems: int
    solved: int
    budget: int
    """Updates that could be spent; the same for all."""
    updates: int
    """Updates that were spent."""
    loss: float
    """Task loss over the last updates of a problem, mean over problems and seeds; infinite if it was no number."""


class Chosen(NamedTuple):
    """The best learning rate of a model."""

    rate: float
    edge: str
    """"lowest" or "highest" where no rate beyond it was tried, so that a better one may be there; or empty."""
    solved: bool
    """Whether it solved any problem: if not, the rate is a guess by its loss."""


def rate_score(table: ProblemTable, condition: str, rate: float, limit: int) -> RateScore:
    """The score of one model with one rate, from the rows of its pilot networks.

    Raises:
        ValueError: no rows.
    """
    rows = table.select(table.condition == condition)
    if not len(rows):
        raise ValueError(f"no problem of {condition!r}; the sweep has not come to it")
    cost = counted(rows, limit).updates
    losses = np.where(np.isfinite(rows.loss), rows.loss, np.inf)
    return RateScore(
        rate,
        float(cost.mean()),
        [float(cost[rows.seed == seed].mean()) for seed in table.seeds(condition)],
        len(rows),
        int(rows.solved.sum()),
        limit * len(rows),
        int(rows.updates.sum()),
        float(losses.mean(dtype=float)),
    )


def choose(scores: Sequence[RateScore]) -> Chosen:
    """The rate of a model, by the rule `RULE`; it stands at an edge if it is the first or the last of several."""
    best = min(scores, key=lambda one: (one.score, one.loss, one.rate))
    rates = sorted(one.rate for one in scores)
    edge = "" if len(rates) < 2 else {rates[0]: "lowest", rates[-1]: "highest"}.get(best.rate, "")
    return Chosen(best.rate, edge, best.solved > 0)


def doubt(chosen: Mapping[str, Any]) -> str:
    """Why a chosen rate may not be a good one, in words for where its model is judged; empty if there is no doubt."""
    if not chosen["solved"]:
        return "no rate of the sweep solved a problem, so that its learning rate is a guess"
    edge = chosen["edge"]
    return f"its learning rate is the {edge} of the sweep, so that a better one may lie beyond" if edge else ""


def remark(chosen: dict[str, Any]) -> str:
    """What should be known of a choice, in words; empty if there is nothing."""
    words = [] if chosen["solved"] else ["solved nothing"]
    return "; ".join([*words, *([f"{chosen['edge']} rate tried"] if chosen["edge"] else [])])
