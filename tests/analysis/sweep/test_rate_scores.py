"""Scores of learning rates from rows that are made up."""

import pytest

from metaplast.analysis.sweep.rate_scores import RateScore, choose, rate_score, remark
from metaplast.runs import ProblemRow, ProblemTable


def row(seed: int, problem: int, updates: int, solved: bool, loss: float = 0.1) -> ProblemRow:
    return ProblemRow("gru@0.001", seed, problem, updates, loss, 1.0, solved, 5.0)


def test_an_unsolved_problem_counts_the_limit_even_if_it_broke_early():
    rows = [row(0, 0, 40, True), row(0, 1, 100, False), row(1, 0, 20, True), row(1, 1, 3, False, float("nan"))]
    found = rate_score(ProblemTable.from_rows(rows), "gru@0.001", 1e-3, 100)
    assert found.score == (40 + 100 + 20 + 100) / 4
    assert found.by_seed == [70, 60]
    assert (found.problems, found.solved, found.updates, found.budget) == (4, 2, 163, 400)
    assert found.loss == float("inf")
    with pytest.raises(ValueError, match="no problem of 'rate@1'"):
        rate_score(ProblemTable.from_rows(rows), "rate@1", 1.0, 100)


def score(rate: float, updates: float, solved: int = 1, loss: float = 0.1) -> RateScore:
    return RateScore(rate, updates, [updates], 2, solved, 200, 100, loss)


def test_the_least_score_is_chosen_then_the_loss_then_the_smaller_rate():
    assert choose([score(1e-3, 50), score(3e-3, 20), score(1e-2, 30)]) == (3e-3, "", True)
    assert choose([score(1e-3, 50, 0, 0.9), score(3e-3, 50, 0, 0.2), score(1e-2, 50, 0, 0.3)]) == (3e-3, "", False)
    assert choose([score(1e-2, 50), score(1e-3, 50)]).rate == 1e-3


def test_a_choice_at_the_edge_and_one_without_success_are_said():
    low, high = choose([score(1e-3, 10), score(1e-2, 30)]), choose([score(1e-3, 30), score(1e-2, 10, 0)])
    assert (low.edge, high.edge) == ("lowest", "highest")
    assert remark(low._asdict()) == "lowest rate tried"
    assert remark(high._asdict()) == "solved nothing; highest rate tried"
    assert choose([score(1e-3, 10)]).edge == ""
