"""Run directories: what is written comes back, and a killed run leaves nothing half-done."""

import json
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest

from metaplast.provenance import git_commit, provenance
from metaplast.runs import ProblemRow, RunDirectory, network_name, trial_name


def row(problem: int, condition: str = "fixed", seed: int = 0, **changes) -> ProblemRow:
    return ProblemRow(condition, seed, problem, 200 - problem, 0.1, 0.975, True, 12.5)._replace(**changes)


@pytest.fixture
def run(tmp_path: Path) -> RunDirectory:
    return RunDirectory.create(tmp_path / "run")


def test_create_refuses_a_directory_that_holds_files(run: RunDirectory):
    RunDirectory.create(run.path)  # still empty
    run.write_config({"seed": 0})
    with pytest.raises(FileExistsError, match=r"run exists and is not empty; give another --out, or --resume"):
        RunDirectory.create(run.path)
    with pytest.raises(FileExistsError, match=r"config\.toml exists"):
        RunDirectory.create(run.path / "config.toml")


def test_open_says_what_is_missing(tmp_path: Path):
    with pytest.raises(FileNotFoundError, match="nowhere is not a directory"):
        RunDirectory.open(tmp_path / "nowhere")
    with pytest.raises(ValueError, match=r"no config\.toml"):
        RunDirectory.open(tmp_path)


def test_config_meta_and_summary_round_trip(run: RunDirectory):
    config = {"experiment": "a", "family": {"name": "dms", "dt": 10.0}, "assumed": ["dt"]}
    run.write_config(config)
    assert RunDirectory.open(run.path).config == config
    assert run.meta == {}
    run.write_meta({"seed": np.int64(3), "packages": {"jax": "1"}})
    assert run.meta == {"seed": 3, "packages": {"jax": "1"}}
    assert run.name == "run"
    assert run.figures == run.path / "figures"


def test_summary_is_strict_json_with_null_for_nan(run: RunDirectory):
    summary = {"b": float("nan"), "a": np.float32(np.inf), "row": row(0), "list": np.array([1.0, np.nan])}
    run.write_summary(summary)
    text = (run.path / "summary.json").read_text()
    assert json.loads(text, parse_constant=pytest.fail) == run.summary
    assert run.summary["b"] is run.summary["a"] is None
    assert run.summary["list"] == [1.0, None]
    assert run.summary["row"]["firing_rate_hz"] == 12.5
    assert text.index('"a"') < text.index('"b"')


def test_arrays_round_trip_and_objects_are_refused(run: RunDirectory):
    arrays = {"network.populations.recurrent.neuron.tau": np.arange(3.0), "period_names": np.array(["sample", "test"])}
    name = network_name("fixed", 0, "start")
    assert not run.has_arrays(name)
    path = run.write_arrays(name, arrays)
    assert path == run.path / "networks" / "fixed-seed0-start.npz"
    content = path.read_bytes()
    loaded = run.read_arrays(name)
    assert loaded.keys() == arrays.keys()
    assert all(np.array_equal(loaded[key], arrays[key]) for key in arrays)
    run.write_arrays(name, arrays)
    assert path.read_bytes() == content
    with pytest.raises(ValueError, match="'bad' holds Python objects"):
        run.write_arrays(trial_name("fixed", 0), {"bad": np.array([None])})


def test_problems_are_written_byte_for_byte(run: RunDirectory):
    run.append_problems([row(0, loss=np.float32(0.1))])
    run.append_problems([row(1, loss=float("nan"), solved=False, seed=np.int64(2), accuracy=1e-8)])
    assert (run.path / "problems.csv").read_bytes() == (
        b"condition,seed,problem,updates,loss,accuracy,solved,firing_rate_hz\n"
        b"fixed,0,0,200,0.1,0.975,true,12.5\n"
        b"fixed,2,1,199,nan,1e-08,false,12.5\n"
    )


def test_floats_come_back_as_the_same_float32(run: RunDirectory):
    losses = np.random.default_rng(0).lognormal(0, 20, 500).astype(np.float32)
    run.append_problems(row(place, loss=loss) for place, loss in enumerate(losses))
    assert np.array_equal(run.problems().loss, losses)


def test_problem_table_selects_lanes(run: RunDirectory):
    assert len(run.problems()) == 0
    assert run.problems().conditions() == []
    run.append_problems([row(1, "b", 3), row(0, "b", 3), row(0, "a", 2), row(0, "b", 1)])
    table = run.problems()
    assert table.conditions() == ["b", "a"]
    assert table.seeds("b") == [1, 3]
    assert table.lane("b", 3).problem.tolist() == [0, 1]
    assert table.solved.dtype == bool


@pytest.mark.parametrize("cut", [1, 10, 30])
def test_a_half_written_line_is_dropped_and_not_glued_to_the_next(run: RunDirectory, cut: int):
    run.append_problems([row(0), row(1)])
    path = run.path / "problems.csv"
    path.write_bytes(path.read_bytes()[:-cut])
    assert run.problems().problem.tolist() == [0]
    run.append_problems([row(1), row(2)])
    assert run.problems().problem.tolist() == [0, 1, 2]


def test_a_half_written_header_is_written_again(run: RunDirectory):
    (run.path / "problems.csv").write_bytes(b"condition,se")
    assert len(run.problems()) == 0
    run.append_problems([row(0)])
    assert run.problems().problem.tolist() == [0]


def test_truncate_keeps_the_chosen_rows(run: RunDirectory):
    run.append_problems([row(place) for place in range(5)])
    before = (run.path / "problems.csv").read_bytes()
    run.truncate_problems(lambda kept: kept.problem < 3)
    assert run.problems().problem.tolist() == [0, 1, 2]
    run.append_problems([row(3), row(4)])
    assert (run.path / "problems.csv").read_bytes() == before


def test_a_condition_that_cannot_name_a_file_is_refused(run: RunDirectory):
    with pytest.raises(ValueError, match="part of file names"):
        run.append_problems([row(0, "a/b")])
    assert len(run.problems()) == 0


def test_a_failed_write_leaves_the_old_file_and_no_other(run: RunDirectory, monkeypatch: pytest.MonkeyPatch):
    run.write_summary({"a": 1})

    def killed(*_):
        raise OSError("killed")

    monkeypatch.setattr(os, "replace", killed)
    with pytest.raises(OSError, match="killed"):
        run.write_summary({"a": 2})
    assert run.summary == {"a": 1}
    assert [path.name for path in run.path.iterdir()] == ["summary.json"]


def test_provenance_names_version_packages_and_device():
    found = provenance("cpu")
    assert found["device"] == "cpu"
    assert found["version"]
    assert set(found["packages"]) == {"jax", "jaxlib", "equinox", "optax", "numpy", "msgspec"}
    assert all(found["packages"].values())


def test_commit_is_that_of_the_package_checkout_only(tmp_path: Path):
    package = tmp_path / "src" / "metaplast"
    elsewhere = tmp_path / ".venv" / "metaplast"
    for folder in (package, elsewhere):
        folder.mkdir(parents=True)
    assert git_commit(package) == ""
    identity = ["-c", "user.name=a", "-c", "user.email=a@b"]
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    subprocess.run(
        ["git", *identity, "-C", str(tmp_path), "commit", "-q", "--no-verify", "--allow-empty", "-m", "x"], check=True
    )
    assert len(git_commit(package)) == 40
    assert git_commit(elsewhere) == ""
