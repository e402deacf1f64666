"""Names of saved networks, and the moments that a run lists."""

from pathlib import Path

import pytest

from metaplast.run_names import Moment, check_condition, moment_after, network_name, probe_name, problems_of
from metaplast.runs import RunDirectory


def test_moments_have_names_that_sort_and_come_back():
    assert [moment_after(problems) for problems in (5, 100, 12345)] == ["after0005", "after0100", "after12345"]
    for problems in (1, 999, 54321):
        assert problems_of(moment_after(problems), 100_000) == problems
    assert [problems_of(name, 40) for name in ("start", "end")] == [0, 40]
    assert [problems_of(name, 40) for name in ("after7", "after", "end2", "0-end")] == [None] * 4
    assert probe_name("a", 3, "after0100") == "probes/a-seed3-after0100"


def test_a_run_lists_what_it_has_saved_in_order(tmp_path: Path):
    run = RunDirectory.create(tmp_path / "run")
    run.write_config({"run": {"problems": 20000}})
    assert run.moments("a", 1) == []
    saved = ["end", "after10000", "after0200", "start"]
    for name in saved:
        run.write_arrays(network_name("a [*]", 1, name), {"weight": 1.0})
    # Another seed, and conditions whose names begin or end alike.
    for other in (("a [*]", 12), ("a [*]-seed1", 1), ("b a [*]", 1)):
        run.write_arrays(network_name(*other, "after0300"), {"weight": 1.0})
    (run.path / "networks" / "a [*]-seed1-notes.npz").write_bytes(b"")
    expected = [("start", 0), ("after0200", 200), ("after10000", 10000), ("end", 20000)]
    assert run.moments("a [*]", 1) == [Moment(*pair) for pair in expected]
    assert [moment.name for moment in run.moments("a [*]", 12)] == ["after0300"]


@pytest.mark.parametrize("name", ["", "a,b", 'a"', "a/b", "a\\b", "a\nb"])
def test_a_condition_that_cannot_be_part_of_a_file_name_is_refused(name: str):
    with pytest.raises(ValueError, match="becomes part of file names"):
        check_condition(name)
