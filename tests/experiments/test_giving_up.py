"""Networks that fail too often in a row attempt no further problem, wherever the sequence is cut."""

import filecmp

import jax
import numpy as np
import pytest

from metaplast.analysis.learning_to_learn.comparisons import compare
from metaplast.analysis.learning_to_learn.curves import given_up_at, updates_matrix
from metaplast.analysis.study.panels import panel_of, read_member
from metaplast.cli.progress import summary_table
from metaplast.experiments import build, configuration, run
from metaplast.report import write_report
from metaplast.report.run import given_up
from metaplast.runs import ProblemRow, ProblemTable, RunDirectory

HOPELESS = [
    "preset=smoke",
    "model.neurons=12",
    "criterion.limit=3",
    "criterion.window=3",
    "run.problems=6",
    "run.give_up=3",
]
"""Nothing is solved in three updates, since the criterion looks at five."""


class Killed(Exception):
    """What a killed run is in these tests."""


def made(path, *settings: str, told=lambda now: None, resume: bool = False) -> RunDirectory:
    place = RunDirectory.open(path) if resume else RunDirectory.create(path)
    run(build(configuration("dms", [*HOPELESS, *settings])), place, told, resume=resume)
    return place


@pytest.fixture(scope="module")
def whole(quick_compilation, tmp_path_factory):
    """A run that gave up in the middle of its second chunk: only to be read."""
    heard = []
    return made(tmp_path_factory.mktemp("whole") / "run", told=heard.append), heard


def test_after_three_failures_in_a_row_nothing_is_attempted(whole):
    place, heard = whole
    table = place.problems()
    for condition in ("fixed", "intrinsic"):
        lane = table.lane(condition, 0)
        assert lane.problem.tolist() == [0, 1, 2]
        assert lane.updates.tolist() == [3, 3, 3]
        assert not lane.solved.any()
    assert [now.given_up for now in heard] == [0, 0, 2, 2]
    assert heard[-1].failures == 6


def test_the_summary_the_table_and_the_report_say_so(whole):
    place, _ = whole
    numbers = place.summary["conditions"]["fixed"]
    assert (numbers["given_up_at"], numbers["failures"], numbers["attempts"]) == ({"0": 3}, 3, 3)
    assert "1 of 1 seeds gave up" in next(iter(summary_table(place.summary).columns[2].cells))
    assert given_up(place.config, place.problems())[0] == "fixed, seed 0, after 3 of 6 problems"
    assert "fixed, seed 0, after 3 of 6 problems" in write_report([place]).read_text()


def test_the_network_stays_as_it_was_when_it_gave_up(whole, tmp_path):
    """Up to rounding, since the two are not the same program: one problem more moves it by a third of the way."""
    place, _ = whole
    short = made(tmp_path / "short", "run.problems=3", "run.give_up=0", "run.chunk=3")
    start, ours, theirs = (
        run.read_arrays(f"networks/fixed-seed0-{moment}")
        for run, moment in ((place, "start"), (place, "end"), (short, "end"))
    )
    for name, end in theirs.items():
        moved = np.abs(end - start[name]).mean()
        assert np.abs(ours[name] - end).mean() <= 0.02 * moved, name
        assert moved > 1e-5 or not name.endswith((".weight", ".bias")), name
    assert "given_up_at" not in short.summary["conditions"]["fixed"]


@pytest.mark.parametrize("calls", [2, pytest.param(3, marks=pytest.mark.slow)])
def test_a_killed_run_gives_up_at_the_same_problem(whole, tmp_path, calls):
    heard = []

    def kill(now):
        heard.append(now)
        if len(heard) == calls:
            raise Killed

    with pytest.raises(Killed):
        made(tmp_path / "run", told=kill)
    place = made(tmp_path / "run", resume=True)
    for name in ("problems.csv", "networks/fixed-seed0-end.npz"):
        assert filecmp.cmp(place.path / name, whole[0].path / name, shallow=False)
    assert place.summary["conditions"]["fixed"]["given_up_at"] == {"0": 3}


def test_a_solved_problem_starts_the_count_anew(tmp_path):
    """Two of three failures, then problems so easy that all are solved: the count that the checkpoint holds is 0."""
    easy = ["criterion.limit=8", "criterion.loss_below=50", "run.give_up=1"]
    place = made(tmp_path / "run", *easy)
    assert place.problems().solved.all()
    assert len(place.problems()) == 12
    assert place.summary["conditions"]["fixed"]["given_up_at"] == {}


def rows(condition: str, seed: int, count: int, updates: int, solved: bool) -> list[ProblemRow]:
    return [ProblemRow(condition, seed, i, updates, 0.1, 1.0, solved, 5.0) for i in range(count)]


def table() -> ProblemTable:
    """`weak` costs ten times as much, until one of its two networks gives up after 4 of 20 problems."""
    found = [*rows("weak", 0, 20, 100, True), *rows("weak", 1, 4, 100, False)]
    return ProblemTable.from_rows([*found, *rows("good", 0, 20, 10, True), *rows("good", 1, 20, 10, True)])


def test_a_network_that_gave_up_did_not_solve_the_rest_for_nothing():
    (one,) = compare(table(), [("weak", "good")])
    assert one.ratio.mean == pytest.approx(10)
    assert one.difference.mean == pytest.approx(4 * 90)
    assert given_up_at(table(), "weak", 4, 20) == {1: 4}
    assert given_up_at(table(), "weak", 0, 20) == {}
    assert np.isnan(updates_matrix(table(), "weak", solved=False)[1, 4:]).all()


def test_a_panel_compares_what_was_attempted_and_counts_every_failure(tmp_path):
    place = RunDirectory.create(tmp_path / "dms")
    place.write_config({"run": {"problems": 20, "give_up": 4, "seeds": 2}, "model": {"name": "spiking"}})
    found = table()
    place.append_problems([ProblemRow(*row) for row in zip(*vars(found).values(), strict=True)])
    place.write_summary({"seconds": 1.0})
    panel = panel_of("dms", [read_member(tmp_path, "dms", {})], {})
    weak = panel.conditions["weak"]
    assert (weak.problems, weak.attempts, weak.failures) == (4, 24, 4)
    assert panel.totals(["weak", "good"]) == {"weak": {0: 400, 1: 400}, "good": {0: 40, 1: 40}}
    assert "weak (dms) gave up" in panel.notes[0]
    assert "seed 1 after 4 problems" in panel.notes[0]


def test_a_negative_patience_is_refused():
    with pytest.raises(ValueError, match=r"run\.give_up"):
        configuration("dms", ["run.give_up=-1"])
    assert jax.device_count() >= 1
