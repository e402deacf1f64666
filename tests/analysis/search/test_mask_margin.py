"""A report tells how far ahead the choice of a search was, whatever version made the search."""

from pathlib import Path

import pytest

from metaplast.analysis.search.mask_margin import margin_in_words, search_margin
from metaplast.analysis.study.panels import read_study
from metaplast.analysis.study.report_tables import masks
from metaplast.runs import ProblemRow, RunDirectory
from study_helpers import LIMIT, falling, plan, write_member, write_search, write_study


@pytest.fixture
def search(tmp_path: Path) -> RunDirectory:
    """The chosen mask is a tenth better than the other finalist; one that was dropped early looked best."""
    write_search(tmp_path, "dms", "111", {})
    found = RunDirectory(tmp_path / "search-dms")
    found.write_config(found.config | {"criterion": {"limit": LIMIT}})
    found.append_problems(
        ProblemRow(mask, seed, problem, updates + seed, 0.01, 1.0, True, 1.0)
        for mask, count, updates in (("000", 2, 10), ("110", 20, 100), ("111", 20, 90))
        for seed in range(3)
        for problem in range(count)
    )
    return found


def test_the_choice_is_held_against_the_other_finalist(search):
    found = search_margin(search, str(search.summary["chosen"]))
    assert (found.other, found.length, found.networks) == ("110", 20, 3)
    assert found.difference.mean == pytest.approx(-10 / 101)
    assert margin_in_words(search).startswith("111 against 110")


def test_a_problem_that_broke_early_counts_the_limit(search):
    search.append_problems([ProblemRow("110", seed, 20, 1, 0.01, 1.0, False, 1.0) for seed in range(3)])
    search.append_problems([ProblemRow("111", seed, 20, 90, 0.01, 1.0, True, 1.0) for seed in range(3)])
    assert search_margin(search, str(search.summary["chosen"])).difference.mean < -0.5


def test_a_search_that_measured_nothing_tells_nothing(tmp_path):
    write_search(tmp_path, "dms", "111", {})
    assert margin_in_words(RunDirectory(tmp_path / "search-dms")) == ""


def test_the_table_of_masks_tells_it(tmp_path):
    study = write_study(tmp_path / "study", {"dms": plan("dms", "dms")}, ["dms"])
    write_member(study.path, "dms", dict.fromkeys(("standard", "random-001", "bi-level"), falling(1.0)), 1, 4)
    write_search(study.path, "dms", "111", {"000": 5, "111": 10})
    table = masks(read_study(study))
    (row,) = table.rows
    assert dict(zip((column.key for column in table.columns), row, strict=True))["lead"].startswith("111 against 000")
