"""Final efficiency compares conditions over the same problems, however long their own sequences are."""

from pathlib import Path

import pytest

from metaplast.analysis.study.final_efficiency import late_by_family, late_problems
from metaplast.analysis.study.panels import StudyResults, read_study
from metaplast.analysis.study.report_tables import conditions
from metaplast.runs import RunDirectory
from study_helpers import Cost, plan, write_member, write_study


def falling_by_steps(late: int) -> Cost:
    """Every hundred problems the next ones cost less: 40 at the end of the first hundred, `late` of the third."""
    return lambda seed, problem: ((40, 25, late)[problem // 100] + seed % 2, True)


@pytest.fixture
def results(tmp_path: Path) -> StudyResults:
    """Over the same problems the short sequence is cheaper, by the last problems of each the long one is."""
    members = {name: plan(name, "dms") for name in ("dms", "dms-short", "dms-tiny")}
    study = write_study(tmp_path / "study", members, ["dms"])
    write_member(study.path, "dms", {"standard": falling_by_steps(10)}, 2, 300)
    write_member(study.path, "dms-short", {"tuned-fixed": lambda seed, problem: (20 + seed, True)}, 2, 200)
    write_member(study.path, "dms-tiny", {"frozen": lambda seed, problem: (500 + seed, True)}, 2, 2)
    return read_study(study)


def test_a_longer_sequence_is_no_better_for_its_length(results):
    table = late_by_family(results)
    found = {(row[0], row[1]): row[2].mean for row in table.rows}
    assert found == {
        ("251 to 300", "standard"): 10.5,
        ("151 to 200", "standard"): 25.5,
        ("151 to 200", "tuned-fixed"): 20.5,
        ("2", "standard"): 40.5,
        ("2", "tuned-fixed"): 20.5,
        ("2", "frozen"): 500.5,
    }


def test_a_block_is_shown_only_for_families_with_a_sequence_that_ends_there(results):
    panels = results.panels | {"cd-dms": results.panels["dms"]._replace(name="cd-dms")}
    longest = {"standard": panels["dms"].conditions["standard"]}
    panels["cd-dms"] = panels["cd-dms"]._replace(conditions=longest)
    config = results.config | {"families": ["dms", "cd-dms"]}
    rows = late_by_family(results._replace(panels=panels, config=config)).rows
    assert [row[0] for row in rows if row[3] is not None] == ["251 to 300"]


def test_a_condition_that_gave_up_has_no_final_efficiency(results):
    """It was to meet as many problems as the shorter sequence; where it ended there is no block."""
    tiny = RunDirectory(results.directory.path / "dms-tiny")
    tiny.write_config(tiny.config | {"run": tiny.config["run"] | {"problems": 200}})
    rows = late_by_family(read_study(results.directory)).rows
    assert [row[0] for row in rows] == ["251 to 300", "151 to 200", "151 to 200", "151 to 200"]
    assert rows[-1] == ["151 to 200", "frozen", "gave up after 2"]
    tiny.write_config(tiny.config | {"run": tiny.config["run"] | {"problems": 100}})  # as nobody else
    rows = late_by_family(read_study(results.directory)).rows
    assert [row[1:] for row in rows if row[0] == "51 to 100"][-1] == ["frozen", "gave up after 2"]


def test_where_own_problems_are_shown_they_are_named(results):
    table = conditions(results, ["dms"], "families")
    place = [column.key for column in table.columns].index("late_problems")
    assert {row[1]: row[place] for row in table.rows} == {
        "standard": "251 to 300",
        "tuned-fixed": "151 to 200",
        "frozen": "2",
    }
    assert late_problems(80) == "41 to 80"
