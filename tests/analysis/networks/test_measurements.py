"""From a run directory to tables and figures: complete, the same bytes again, and only of what the run has."""

import os
from pathlib import Path

import numpy as np
import pytest

from analysis_helpers import MOMENTS, NEURONS, PROBLEMS, made_up_run
from metaplast.analysis.networks.measurements import KINDS, Measurements, read_measurements, write_measurements
from metaplast.analysis.networks.moments import by_lane, has_course, moments, probed
from metaplast.analysis.networks.probes import choices, periods
from metaplast.analysis.rows import read_rows, text, write_rows
from metaplast.figures.measurements import measured as figures_of
from metaplast.figures.style import palette, png, style
from metaplast.report import write_report
from metaplast.runs import RunDirectory, network_name

LANES = 6
COLOURS = palette(["fixed", "all"])


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    """One run with its tables: only to be read."""
    run = made_up_run(tmp_path_factory.mktemp("measured") / "run")
    write_measurements(run)
    return run


def figures(run: RunDirectory) -> list[str]:
    """Names of the figures of a run; they are made and not painted, which is slow."""
    return [name for name, _ in figures_of(run, run.problems(), read_measurements(run), COLOURS)]


def tables(run: RunDirectory) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted((run.path / "analysis").iterdir())}


def test_every_table_is_written_with_a_row_for_every_moment(measured: RunDirectory):
    found = read_measurements(measured)
    assert sorted(tables(measured)) == sorted(f"{name}.csv" for name in KINDS)
    for name in ("structural", "functional", "activity", "subspaces"):
        rows = getattr(found, name)
        assert len(rows) == LANES * len(MOMENTS)
        assert [row.problems for row in rows[:3]] == [0, 3, PROBLEMS]
    assert len(found.selectivity) == LANES * len(MOMENTS) * 2
    assert {row.period: (row.start, row.end) for row in found.selectivity} == {
        "sample": (0.0, 80.0),
        "response": (80.0, 120.0),
    }
    assert len(found.drift) == LANES * len(MOMENTS) * 2


def test_tables_say_what_the_networks_were_made_of(measured: RunDirectory):
    found = read_measurements(measured)
    end = {(row.condition, row.parameter.rsplit(".", 1)[-1]): row for row in found.drift if row.moment == "end"}
    assert end["fixed", "tau_soma"].distance == 0.0
    assert end["all", "tau_soma"].distance == pytest.approx(np.log(1.6), rel=1e-4)
    assert end["all", "tau_soma"].shift == pytest.approx(np.log(1.6), rel=1e-4)
    assert end["all", "threshold"].distance == pytest.approx(0.06, rel=1e-4)
    assert np.isnan(end["all", "threshold"].correlation)
    last = [row for row in found.subspaces if row.moment == "end"]
    first = [row for row in found.subspaces if row.moment == "start"]
    assert all(row.before == 3 for row in last)
    assert all(row.before == -1 and np.isnan(row.overlap) for row in first)
    # The same neurons show the choice of every problem, the more of it the later.
    assert all(row.axes_before > max(0.85, row.choice_null) for row in last)
    late = [row for row in found.selectivity if row.period == "response"]
    learned, naive = ([row.choice for row in late if row.moment == moment] for moment in ("end", "start"))
    assert np.mean(learned) > np.mean(naive) + 0.05


def test_the_same_run_gives_the_same_bytes_however_it_comes_about(measured: RunDirectory, tmp_path: Path):
    whole = tables(measured)
    run = made_up_run(tmp_path / "run")
    calls: list[tuple[str, int, int]] = []
    write_measurements(run, lambda *told: calls.append(told))
    assert tables(run) == whole
    assert calls[:1] == [("structural", 1, 18)]
    assert calls[-1] == ("subspaces", 18, 18)
    # What is there is not measured again, and what is missing fits in.
    path = run.path / "analysis" / "structural.csv"
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[:5] + lines[8:]))
    calls.clear()
    write_measurements(run, lambda *told: calls.append(told))
    assert calls == [("structural", done, 18) for done in (16, 17, 18)]
    assert tables(run) == whole
    calls.clear()
    write_measurements(run, lambda *told: calls.append(told))
    assert calls == []


def test_rows_older_than_their_arrays_are_measured_anew(tmp_path: Path):
    run = made_up_run(tmp_path / "run", ("all",))
    before = write_measurements(run).activity
    probe = run.read_arrays("probes/all-seed1-end")
    path = run.write_arrays("probes/all-seed1-end", probe | {"spikes": np.zeros_like(probe["spikes"])})
    later = (run.path / "analysis" / "subspaces.csv").stat().st_mtime_ns + 1_000_000_000
    os.utime(path, ns=(later, later))
    after = write_measurements(run).activity
    changed = [(row.seed, row.moment) for row, old in zip(after, before, strict=True) if row != old]
    assert changed == [(1, "end")]
    assert next(row for row in after if (row.seed, row.moment) == (1, "end")).silent == 1.0


def test_a_run_without_saved_networks_on_the_way_and_probes_is_left_alone(tmp_path: Path):
    run = made_up_run(tmp_path / "run", ("all",), probes=False)
    for seed in range(3):
        (run.path / f"networks/all-seed{seed}-after0003.npz").unlink()
    assert write_measurements(run) == Measurements()
    assert not (run.path / "analysis").exists()


def test_without_probes_there_are_the_courses_of_the_networks(tmp_path: Path):
    run = made_up_run(tmp_path / "run", ("all",), probes=False)
    found = write_measurements(run)
    assert found.structural
    assert found.drift
    assert [len(part) for part in (found.functional, found.activity, found.subspaces, found.selectivity)] == [0] * 4
    assert figures(run) == ["density-all", "drift", "communities-all", "modularity", "efficiency"]


def test_models_that_are_graded_or_have_no_recurrent_weights_are_measured_too(tmp_path: Path):
    run = made_up_run(tmp_path / "run", ("all",), graded=True)
    for moment in moments(run, run.problems()):
        run.write_arrays(moment.network, {"attention.weight": np.ones((NEURONS, 3))})
    found = write_measurements(run)
    assert found.structural == []
    assert not {"structural.csv", "drift.csv", "density.csv"} & set(tables(run))
    assert {row.unit for row in found.activity} == {"value"}
    assert all(0 <= row.sparseness <= 1 and row.mean > 0 for row in found.activity)
    assert len(found.functional) == 9
    names = figures(run)
    assert "modularity" in names
    assert "drift" not in names


def test_silent_networks_are_measured(tmp_path: Path):
    run = made_up_run(tmp_path / "run", ("all",))
    for moment in moments(run, run.problems()):
        probe = run.read_arrays(moment.probe)
        silent = {key: np.zeros_like(probe[key]) for key in ("spikes", "voltage")}
        run.write_arrays(moment.probe, probe | silent)
    found = write_measurements(run)
    assert all(row.silent == 1 and np.isnan(row.tau_q50) for row in found.activity)
    assert all(row.neurons == 0 and np.isnan(row.modularity) for row in found.functional)
    assert all(np.isnan(row.overlap) for row in found.subspaces)
    assert len(figures(run)) > 5


def test_every_table_has_its_figure(measured: RunDirectory):
    kinds = {"density-all", "drift", "dynamics", "selectivity", "subspaces", "modularity", "efficiency"}
    each = {f"{kind}-{condition}" for kind in ("trajectories", "communities") for condition in ("fixed", "all")}
    assert set(figures(measured)) == kinds | each


@pytest.mark.slow
def test_figures_are_drawn_small_with_captions_and_the_same_again(tmp_path: Path):
    run = made_up_run(tmp_path / "run", ("all",))
    page = write_report([run]).read_text()
    contents = {path.stem: path.read_bytes() for path in run.figures.iterdir()}
    assert len(contents) == 11
    assert all(len(content) < 400_000 for content in contents.values())
    for words in ("Goudar et al., 2023", "participation coefficient", "dealt to stimuli by lot", "Wasserstein"):
        assert words in page
    with style():
        made = figures_of(run, run.problems(), read_measurements(run), palette(["all"]))
        again = {name: png(figure) for name, figure in made if name in ("density-all", "modularity")}
    assert len(again) == 2
    assert all(content == contents[name] for name, content in again.items())


def test_moments_are_in_the_order_of_problems_and_belong_to_their_lane(tmp_path: Path):
    run = made_up_run(tmp_path / "run", ("all", "all-seed1"), probes=False)
    for stray in ("all-seed1-after0003-old", "all-seed11-start", "other-seed0-start"):
        run.write_arrays(f"networks/{stray}", {"x": np.zeros(1)})
    found = moments(run, run.problems())
    assert [(m.name, m.problems) for m in found[:3]] == list(MOMENTS.items())
    assert len(found) == 18
    assert [len(lane) for lane in by_lane(found)] == [3] * 6
    assert found[0].network == network_name("all", 0, "start")
    assert has_course(found)
    assert not has_course(found[:2])
    assert probed(run, found) == []


def test_choices_and_periods_of_a_probe(tmp_path: Path):
    run = made_up_run(tmp_path / "run", ("all",))
    probe = run.read_arrays("probes/all-seed0-end")
    assert choices(probe).tolist() == (probe["stimulus"] % 2).tolist()
    assert choices(probe | {"decision": np.zeros_like(probe["decision"])}).tolist() == probe["target"][-1].tolist()
    assert [tuple(period) for period in periods(run, probe)] == [("sample", 0, 8), ("response", 8, 12)]
    (run.path / "trials" / "periods.npz").unlink()
    assert [tuple(period) for period in periods(run, probe)] == [("before the decision", 0, 9), ("decision", 9, 12)]


def test_rows_come_back_and_their_text_is_fixed(tmp_path: Path):
    run = made_up_run(tmp_path / "run", ("all",), probes=False)
    rows = write_measurements(run).structural
    odd = rows[0]._replace(condition='a "b", c', modularity=float("nan"), z=-0.0)
    write_rows(run, "odd", type(odd), [odd, rows[1]])
    back = read_rows(run, "odd", type(odd))
    assert back[0].condition == odd.condition
    assert np.isnan(back[0].modularity)
    assert back[1] == rows[1]
    assert [text(value) for value in (0.1 + 0.2, -0.0, 1234567.0, 3)] == ["0.3", "0", "1.23457e+06", "3"]
    assert text(float("inf")) == ""
    # A table of another version is no table.
    path = run.path / "analysis" / "odd.csv"
    path.write_text(path.read_text().replace("participation", "something_else"))
    assert read_rows(run, "odd", type(odd)) == []
