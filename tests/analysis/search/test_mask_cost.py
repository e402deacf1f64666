"""The cost of a search, in problems and in updates."""

from pathlib import Path

import pytest

from metaplast.analysis.search.mask_cost import search_cost
from metaplast.analysis.study.evidence import gather
from metaplast.analysis.study.findings import at_half_the_cost
from metaplast.analysis.study.panels import read_study
from metaplast.analysis.study.verdicts import DOES_NOT_HOLD
from metaplast.runs import ProblemRow, RunDirectory
from study_helpers import plan, write_search, write_study

FIRST, LATER = 100, 10
"""Updates of the first problem and of each one after it, of the cheaper masks."""


@pytest.fixture
def search(tmp_path: Path) -> RunDirectory:
    """Two of four masks learn 20 problems on two networks, one is dropped after two, one was never run."""
    write_study(tmp_path / "study", {"dms": plan("dms", "dms")}, ["dms"])
    write_search(tmp_path / "study", "dms", "11", {})
    found = RunDirectory(tmp_path / "study" / "search-dms")
    found.write_config({"pilot": {"groups": {"a": [], "b": []}, "seeds": 2}})
    for mask, count, factor in (("11", 20, 1), ("10", 20, 1), ("00", 2, 3)):
        found.append_problems(
            ProblemRow(mask, seed, problem, factor * (LATER if problem else FIRST), 0.01, 1.0, True, 1.0)
            for seed in range(2)
            for problem in range(count)
        )
    return found


def test_a_dropped_mask_would_have_stayed_as_dear_as_it_was(search):
    found = search_cost(search)
    whole = 2 * (FIRST + 19 * LATER)
    never_run = (1 + 1 + 3) / 3 * whole
    assert (found.problems, found.all_problems) == (2 * 42, 4 * 2 * 20)
    assert found.updates == 2 * whole + 3 * 2 * (FIRST + LATER)
    assert found.all_updates == pytest.approx((1 + 1 + 3) * whole + never_run)


def test_the_dearer_share_is_judged(tmp_path):
    """Three of four masks are dropped after the first problem, which costs as much as all that follow."""
    write_study(tmp_path / "study", {"dms": plan("dms", "dms")}, ["dms"])
    write_search(tmp_path / "study", "dms", "11", {})
    found = RunDirectory(tmp_path / "study" / "search-dms")
    found.write_config({"pilot": {"groups": {"a": [], "b": []}, "seeds": 1}})
    found.append_problems(
        ProblemRow(mask, 0, problem, 5 if problem else 100, 0.01, 1.0, True, 1.0)
        for mask, count in (("11", 21), ("10", 1), ("01", 1), ("00", 1))
        for problem in range(count)
    )
    (finding,) = at_half_the_cost(gather(read_study(RunDirectory(tmp_path / "study"))))
    expected = "24 of 84 pilot problems (28.6 %), 500 of an estimated 800 updates (62.5 %)"
    assert (finding.measured, finding.verdict) == (expected, DOES_NOT_HOLD)


def test_a_search_that_measured_nothing_has_no_cost(tmp_path):
    write_search(tmp_path, "dms", "1", {})
    assert search_cost(RunDirectory(tmp_path / "search-dms")) is None
