"""Every named experiment runs, writes all that it promises, and does the same again after having been killed."""

import filecmp
import json

import numpy as np
import pytest

from metaplast.experiments import NAMES, Progress, Study, build, configuration, run
from metaplast.experiments.learning_to_learn.session import load_model
from metaplast.params import named_arrays
from metaplast.report import write_report
from metaplast.runs import RunDirectory, network_name, trial_name

SMALL = ["preset=smoke", "model.neurons=20", "criterion.limit=12", "run.problems=4"]
SHRUNK: dict[str, list[str]] = {
    "association": ["family.dt=10", "learning.batch=2"],
    "association-rate": ["family.dt=10", "learning.batch=2"],
    "gng-dr-4": ["model.branches=2", 'model.intrinsic=[{name="noise"}, {name="refractory"}]'],
}


def study_of(name: str, *settings: str) -> Study:
    return build(configuration(name, [*SMALL, *SHRUNK.get(name, []), *settings]))


class Killed(Exception):
    """What a killed run is in these tests."""


@pytest.fixture(scope="module")
def study(quick_compilation) -> Study:
    return study_of("dms", "run.seeds=2")


@pytest.fixture(scope="module")
def whole(study, tmp_path_factory) -> tuple[RunDirectory, list[Progress]]:
    """An uninterrupted run of two chunks, with its report: only to be read."""
    place, told = RunDirectory.create(tmp_path_factory.mktemp("whole") / "run"), []
    run(study, place, told.append)
    write_report([place])
    return place, told


OFTEN = ("cd-dms",)
"""The family with the most settings; the others differ by these only, and run with the slow tests."""


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=() if name in OFTEN else pytest.mark.slow)
        for name in NAMES
        if name not in ("dms", "rotated-mnist")
    ],
)
def test_every_other_named_experiment_runs(name, tmp_path):
    study = study_of(name, "run.problems=1")
    place = RunDirectory.create(tmp_path / "run")
    run(study, place, lambda progress: None)
    check_contents(study, place)


def check_contents(study: Study, place: RunDirectory) -> None:
    table = place.problems()
    assert len(table) == len(study.lanes) * study.config.run.problems
    assert table.conditions() == list(study.config.conditions)
    assert (table.updates >= 1).all()
    assert (table.updates <= 12).all()
    assert np.isfinite(table.loss).all()
    if not study.start.model.spiking:
        assert np.isnan(table.firing_rate_hz).all()
        return
    assert ((table.firing_rate_hz > 0) & (table.firing_rate_hz < 1000 / study.family.dt)).all()
    assert set(place.summary["conditions"]) == {"fixed", "intrinsic"}
    assert place.meta["finished"] >= place.meta["started"]
    for lane in study.lanes:
        start, end = (place.read_arrays(network_name(lane.condition, lane.seed, when)) for when in ("start", "end"))
        moved = {path for path in start if not np.array_equal(start[path], end[path])}
        assert any(path.endswith("recurrent.weight") for path in moved)
        assert any("neuron.tau" in path for path in moved) == (lane.condition == "intrinsic")
        if lane.seed > 0:
            continue
        trial = place.read_arrays(trial_name(lane.condition, lane.seed))
        assert trial["spikes"].shape == trial["voltage"].shape == (len(trial["inputs"]), 20)
        assert trial["period_ends_ms"][-1] == len(trial["inputs"]) * study.family.dt
        assert list(trial["output_names"]) == list(study.family.output_names)


def test_a_run_directory_holds_all_that_it_promises(study, whole):
    place, told = whole
    check_contents(study, place)
    files = {str(path.relative_to(place.path)) for path in place.path.rglob("*") if path.is_file()}
    lanes = [f"{lane.condition}-seed{lane.seed}" for lane in study.lanes]
    expected = {"config.toml", "meta.json", "problems.csv", "summary.json", "report.html"}
    expected |= {f"networks/{lane}-{moment}.npz" for lane in lanes for moment in ("start", "end")}
    expected |= {f"trials/{lane}.npz" for lane in lanes if lane.endswith("seed0")}
    expected |= {
        f"figures/{name}.png" for name in ("learning", "trial-fixed", "trial-intrinsic", "intrinsic-intrinsic")
    }
    assert files - {"checkpoint.npz"} == expected
    assert [progress.done for progress in told] == [0, 2, 4]
    assert told[-1].failures == int((~place.problems().solved).sum())
    json.loads((place.path / "summary.json").read_text(), parse_constant=pytest.fail)


def test_the_report_tells_the_seconds_and_is_drawn_again(whole):
    place, _ = whole
    page = (place.path / "report.html").read_text()
    assert "Delayed match" in page or "delayed-match" in page
    assert "to compile" in page
    assert "of which – to compile" not in page  # noqa: RUF001
    figure = place.figures / "learning.png"
    content = figure.read_bytes()
    figure.unlink()
    write_report([place])
    assert figure.read_bytes() == content
    assert (place.path / "report.html").read_text() == page


def test_a_killed_run_goes_on_to_the_same_end(study, whole, tmp_path):
    first, _ = whole
    place = RunDirectory.create(tmp_path / "run")

    def kill(progress: Progress) -> None:
        if progress.done == 2:
            raise Killed

    with pytest.raises(Killed):
        run(study, place, kill)
    assert place.problems().problem.max() == 1
    assert not place.summary
    # Killed between the rows and the checkpoint of the next chunk: those rows must go.
    rows = (first.path / "problems.csv").read_text().splitlines(keepends=True)
    with (place.path / "problems.csv").open("a") as stream:
        stream.write("".join(line for line in rows if line.split(",")[2] == "2"))
    told = []
    run(study, RunDirectory.open(place.path), told.append, resume=True)
    assert [progress.done for progress in told] == [2, 4]
    assert (place.path / "problems.csv").read_bytes() == (first.path / "problems.csv").read_bytes()
    for lane in study.lanes:
        name = network_name(lane.condition, lane.seed, "end")
        one, two = place.read_arrays(name), first.read_arrays(name)
        assert one.keys() == two.keys()
        assert all(one[path].tobytes() == two[path].tobytes() for path in one)
    assert place.summary["conditions"].keys() == first.summary["conditions"].keys()


def test_one_seed_gives_the_same_rows_again_and_another_others(study, whole, tmp_path):
    first, _ = whole
    again = RunDirectory.create(tmp_path / "again")
    run(study_of("dms", "run.seeds=2"), again, lambda progress: None)
    assert filecmp.cmp(again.path / "problems.csv", first.path / "problems.csv", shallow=False)
    for condition in ("fixed", "intrinsic"):
        one, two = (first.problems().lane(condition, seed) for seed in (0, 1))
        assert not np.isin(one.loss, two.loss).any()


def test_a_saved_network_is_loaded_again(study, whole):
    place, _ = whole
    for lane in study.lanes:
        for moment in ("start", "end"):
            saved = place.read_arrays(network_name(lane.condition, lane.seed, moment))
            loaded = named_arrays(load_model(place, study, lane, moment))
            assert loaded.keys() == saved.keys()
            assert all(np.array_equal(loaded[path], saved[path]) for path in saved)
    other = study_of("dms", "model.neurons=21")
    with pytest.raises(ValueError, match="does not fit the configuration"):
        load_model(place, other, other.lanes[0])
    with pytest.raises(ValueError, match="checkpoint does not fit the configuration"):
        run(other, RunDirectory.open(place.path), lambda progress: None, resume=True)
