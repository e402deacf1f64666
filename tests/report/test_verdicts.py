"""Together or alone: what carries a verdict, over how many seeds, and what levels of disturbances stand for."""

from pathlib import Path

import numpy as np
import pytest

from metaplast.analysis.classification.epochs import EpochRow, EpochTable, contest, write_epochs
from metaplast.analysis.classification.robustness import RobustnessRow, sturdier, value_at, write_robustness
from metaplast.analysis.tables import number
from metaplast.data.corruption import EVENT_CORRUPTIONS, IMAGE_CORRUPTIONS
from metaplast.figures.robustness import robustness
from metaplast.models.damage import DAMAGES
from metaplast.report.classification import cards, contest_tables
from metaplast.report.robustness import robustness_tables
from metaplast.runs import RunDirectory

CONDITIONS = {
    "S": {"channels": ["s"], "single": True},
    "B": {"channels": ["b"], "single": True},
    "S+B": {"channels": ["s", "b"], "single": False},
}
ALONE = {"S": 0.5, "B": 0.4}
GAINS = 0.05, 0.06, 0.055, 0.045, 0.05
KINDS = ["gaussian", "quantisation"]
CARDS = Path(__file__).parents[2] / "docs" / "mechanisms.md"


def accuracy(condition: str, seed: int) -> float:
    return ALONE.get(condition, 0.5 + GAINS[seed]) + 0.01 * seed


def epochs(seeds: int) -> EpochTable:
    rows = [
        EpochRow(name, seed, 1, {"test_accuracy": accuracy(name, seed)}) for name in CONDITIONS for seed in range(seeds)
    ]
    return EpochTable(tuple(rows))


def disturbed(seeds: int) -> list[RobustnessRow]:
    return [
        RobustnessRow(name, seed, kind, level, accuracy(name, seed) - 0.01 * level)
        for name in CONDITIONS
        for seed in range(seeds)
        for kind in KINDS
        for level in range(7)
    ]


def finished(place: Path, seeds: int) -> RunDirectory:
    """A run whose summary has the intervals of an older version."""
    run = RunDirectory.create(place)
    run.write_config({"conditions": CONDITIONS, "data": {"name": "digits"}, "robustness": {"test": 10}})
    write_epochs(run, epochs(seeds).rows)
    write_robustness(run, disturbed(seeds))
    old = {"combined": "S+B", "single": "S", "difference": {"mean": 0.5, "low": 0.4, "high": 0.6}}
    run.write_summary({"conditions": {}, "contests": [old]})
    return run


def test_a_contest_is_paired_and_of_the_best_alone():
    found = contest(epochs(5), ["S", "B"], "S+B")
    assert found is not None
    assert (found.combined, found.single, found.seeds) == ("S+B", "S", 5)
    half = 2.7764 * np.std(GAINS, ddof=1) / np.sqrt(5)  # Student's t, 4 degrees of freedom
    expected = np.mean(GAINS), np.mean(GAINS) - half, np.mean(GAINS) + half
    np.testing.assert_allclose(found.difference, expected, rtol=1e-4)
    assert contest(epochs(5), ["S", "B"], "S") is None


@pytest.mark.parametrize(("seeds", "words"), [(1, "too few seeds"), (2, "too few seeds"), (5, "together better")])
def test_verdicts_need_three_seeds_and_come_from_the_rows_of_the_run(tmp_path, seeds, words):
    run = finished(tmp_path / "run", seeds)
    (table,) = contest_tables(run)
    assert [column.key for column in table.columns] == ["combined", "single", "seeds", "difference", "verdict"]
    ((*names, count, gain, verdict),) = table.rows
    assert (names, count, verdict) == (["S+B", "S"], seeds, words)
    assert gain.mean == pytest.approx(100 * np.mean(GAINS[:seeds]), rel=1e-5)
    assert "favours the single mechanism" in table.note
    (card,) = cards(run)
    assert card.value == f"{gain.mean:+.2f}"
    assert card.note == ("points" if seeds == 1 else f"points ({gain.low:+.2f} to {gain.high:+.2f})")


def test_a_run_that_has_not_finished_has_no_contest(tmp_path):
    run = finished(tmp_path / "run", 5)
    (run.path / "summary.json").unlink()
    assert contest_tables(run) == []


def test_only_all_disturbances_together_carry_a_verdict(tmp_path):
    levels, _, pairs = robustness_tables(finished(tmp_path / "run", 5))
    assert [(row[2], row[3], row[-1]) for row in pairs.rows] == [
        ("all", 5, "together better"),
        ("gaussian", 5, None),
        ("quantisation", 5, None),
    ]
    assert all(row[4].low < row[4].mean < row[4].high for row in pairs.rows)
    assert "not corrected for their number" in pairs.note
    assert "favours the single mechanism" in pairs.note
    assert levels.title == "Levels"
    assert [row[0] for row in levels.rows] == KINDS
    assert [number(value) for row in levels.rows for value in row[2:4]] == ["0.1", "0.245", "8", "3"]
    assert sturdier(disturbed(5), ["S", "B"], "S+H") == []


def test_the_figure_has_the_value_of_every_level_beneath_it():
    gaussian, quantised, *_ = robustness(disturbed(2)).axes
    assert [label.get_text() for label in gaussian.get_xticklabels()][:3] == ["0\n0", "1\n0.1", "2\n0.14"]
    assert [label.get_text() for label in quantised.get_xticklabels()][:3] == ["0\n", "1\n8", "2\n7"]
    assert quantised.get_xlabel() == "level; bits a weight"


@pytest.mark.parametrize("kind", [*IMAGE_CORRUPTIONS, *EVENT_CORRUPTIONS, *DAMAGES])
def test_the_cards_have_the_levels_that_the_code_has(kind):
    (line,) = [line for line in CARDS.read_text().splitlines() if line.startswith(f"| `{kind}` |")]
    low, high = line.split(" | ")[2:4]
    assert (low, high) == tuple(number(value_at(kind, level)) for level in (1, 6))


def test_a_kind_that_nobody_knows_has_no_value():
    assert np.isnan(value_at("rain", 1))
