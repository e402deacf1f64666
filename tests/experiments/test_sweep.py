"""A sweep tries every learning rate with the same budget and writes one for each model, also if it was killed."""

import filecmp
import tomllib

import jax
import numpy as np
import pytest

from metaplast.experiments import build as build_run
from metaplast.experiments.learning_to_learn.configuration import configuration
from metaplast.experiments.learning_to_learn.experiment import Lane, lane_model
from metaplast.experiments.search.configuration import search_configuration
from metaplast.experiments.search.masks import PilotLanes
from metaplast.experiments.search.masks import build as build_search
from metaplast.experiments.states import Mismatch
from metaplast.experiments.study.steps import KINDS
from metaplast.experiments.sweep.configuration import sweep_configuration
from metaplast.experiments.sweep.rates import RateLanes, build
from metaplast.experiments.sweep.session import run_sweep
from metaplast.runs import RunDirectory

SMALL = [
    "preset=smoke",
    "model.neurons=8",
    "criterion.limit=6",
    "sweep.problems=2",
    "sweep.chunk=1",
    "sweep.seeds=2",
    "sweep.rates=[3e-3, 1e-3]",
    'sweep.models=["rate", "attention-2"]',
]


class Killed(Exception):
    """What a killed sweep is in these tests."""


@pytest.fixture(autouse=True, scope="module")
def compiled_programs_stay():
    """A sweep forgets the programs of a finished model, which other tests would have to compile again."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jax, "clear_caches", lambda: None)
        yield


def study_of(*settings: str):
    return build(sweep_configuration("dms", [*SMALL, *settings]))


def swept(place: RunDirectory, *settings: str, told=lambda now: None, resume: bool = False):
    return run_sweep(study_of(*settings), place, told, resume=resume)


@pytest.fixture(scope="module")
def whole(quick_compilation, tmp_path_factory):
    """An uninterrupted sweep: only to be read."""
    place, heard = RunDirectory.create(tmp_path_factory.mktemp("whole") / "sweep"), []
    return place, swept(place, told=heard.append), heard


def test_every_model_and_rate_has_the_same_budget(whole):
    place, numbers, heard = whole
    table = place.problems()
    assert table.conditions() == [f"{model}@{rate}" for model in ("rate", "attention-2") for rate in ("0.003", "0.001")]
    for condition in table.conditions():
        for seed in (0, 1):
            assert table.lane(condition, seed).problem.tolist() == [0, 1]
    assert (table.updates <= 6).all()
    scores = [score for found in numbers["models"].values() for score in found["scores"]]
    assert {score["budget"] for score in scores} == {numbers["budget"]} == {2 * 2 * 6}
    assert numbers["updates"] == table.updates.sum() == heard[-1].updates
    assert (heard[-1].done, heard[-1].total) == (16, 16)


def test_what_was_chosen_is_what_the_rows_say(whole):
    place, numbers, _ = whole
    table = place.problems()
    written = tomllib.loads((place.path / "sweep.toml").read_text())
    for model in ("rate", "attention-2"):
        found = numbers["models"][model]
        for score in found["scores"]:
            rows = table.select(table.condition == f"{model}@{score['rate']:g}")
            assert score["score"] == np.where(rows.solved, rows.updates, 6).mean()
        best = min(found["scores"], key=lambda one: (one["score"], one["loss"]))
        assert written["rates"][model] == best["rate"] == found["chosen"]["rate"]
        assert f"{found['chosen']['edge']} rate tried" in written["remarks"][model]
    assert (place.figures / "sweep.png").stat().st_size > 10_000


@pytest.mark.parametrize("calls", [3, pytest.param(8, marks=pytest.mark.slow)])
def test_a_killed_sweep_goes_on_to_the_same_bytes(whole, tmp_path, calls):
    place, heard = RunDirectory.create(tmp_path / "sweep"), []

    def kill(now):
        heard.append(now)
        if len(heard) == calls:
            raise Killed

    with pytest.raises(Killed):
        swept(place, told=kill)
    with (place.path / "problems.csv").open("a") as stream:
        stream.write("rate@0.001,0,1,6,0.5,0.5,fal")  # half a row
    begun = place.meta | {"started": "2026-01-01", "commit": "first"}
    place.write_meta(begun)
    assert "finished" not in begun
    again = []
    swept(place, told=again.append, resume=True)
    assert again[0].done == heard[-1].done
    meta = place.meta
    assert (meta["started"], meta["commit"], len(meta["resumptions"])) == ("2026-01-01", "first", 1)
    assert meta["finished"] >= meta["resumptions"][0]["resumed"]
    for name in ("problems.csv", "sweep.toml", "figures/sweep.png"):
        assert filecmp.cmp(place.path / name, whole[0].path / name, shallow=False)


def test_rows_without_their_state_are_learned_again(whole, tmp_path):
    """Killed between the rows of a network and its state."""
    place, heard = RunDirectory.create(tmp_path / "sweep"), []

    def kill(now):
        heard.append(now)
        if len(heard) == 3:
            raise Killed

    with pytest.raises(Killed):
        swept(place, told=kill)
    place.append_problems([row for row in whole[0]._rows() if (row.condition, row.seed) == ("attention-2@0.001", 1)])
    swept(place, resume=True)
    assert filecmp.cmp(place.path / "problems.csv", whole[0].path / "problems.csv", shallow=False)


def test_other_settings_do_not_go_on(whole):
    with pytest.raises(Mismatch, match="was begun with other settings"):
        swept(whole[0], "sweep.seed=5", resume=True)


def test_networks_and_problems_are_those_of_no_run_and_no_search(tmp_path):
    settings = ["preset=smoke", "model.name=rate", "model.neurons=8"]
    lanes = RateLanes(study_of(), "rate", RunDirectory.create(tmp_path / "empty"))
    run = build_run(configuration("dms", settings))
    groups = ['pilot.groups={inward=["*input.weight"]}', 'pilot.always=["*readout.weight"]']
    search = build_search(search_configuration("dms", [*settings, *groups]))
    pilot = PilotLanes(search, RunDirectory.create(tmp_path / "search"), lambda now: None)
    models = lanes._state(Lane("rate@0.001", 0)).model, pilot._start(Lane("1", 0)).model, lane_model(run.start, 0)
    weights = [model.network.projections["input"].weight for model in models]
    keys = [lanes._key(Lane("rate@0.001", 0)), pilot._key(Lane("1", 0)), run.keys[0]]
    for one in range(3):
        for other in range(one):
            assert not (weights[one] == weights[other]).any()
            assert keys[one] != keys[other]
    same = RateLanes(study_of(), "rate", RunDirectory.create(tmp_path / "other"))._state(Lane("rate@0.003", 0)).model
    assert (same.network.projections["input"].weight == weights[0]).all()


def test_a_run_takes_the_rate_of_its_own_model(whole):
    place, numbers, _ = whole
    file = f'learning.rate="{place.path / "sweep.toml"}"'
    found = configuration("dms", [file, "model.name=self-attention", "model.heads=2"])
    assert found.learning.rate == numbers["models"]["attention-2"]["chosen"]["rate"]
    assert configuration("dms", ["model.name=rate", file]).learning.rate in (1e-3, 3e-3)
    with pytest.raises(ValueError, match=r"has no rate of spiking; there are: rate, attention-2"):
        configuration("dms", [file])
    with pytest.raises(FileNotFoundError, match=r"learning\.rate: no file none\.toml"):
        configuration("dms", ["learning.rate=none.toml"])


def test_a_step_of_a_study_sweeps_and_says_when_it_is_done(tmp_path):
    kind = KINDS["sweep"]
    config = kind.configure("dms", [*SMALL, 'sweep.models=["rate"]', "sweep.seeds=1"])
    assert kind.work(config) == 4
    path = tmp_path / kind.folder.replace("{member}", "dms")
    heard = []
    assert not kind.finished(path)
    kind.carry_out(config, path, heard.append)
    assert kind.finished(path)
    assert heard[-1].share == 1.0
    assert path.name == "sweep-dms"


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("sweep.models=[]", r"sweep\.models is empty"),
        ('sweep.models=["rate", "lstm"]', "unknown model 'lstm'; there are: spiking, rate, gru, attention"),
        ('sweep.models=["rate", "rate"]', "twice"),
        ('sweep.models=["attention", "attention-4"]', "names one model twice: attention-4, attention-4"),
        ('sweep.models=["attention-3"]', "3 heads cannot share a width of 8"),
        ('sweep.models=["attention-0"]', "attention-0"),
        ("sweep.rates=[]", r"sweep\.rates is empty"),
        ("sweep.rates=[1e-3, 0.0]", r"sweep\.rates"),
        ("sweep.chunk=3", "does not divide"),
        ('sweep.learnable={rate=["*.weightz"], attention=["*.weight"]}', "weightz"),
        ('sweep.learnable={rate=["*.weight"]}', r"sweep\.learnable\.attention is missing"),
        ('sweep.learnable.lstm=["*.weight"]', "no model 'lstm'"),
        ('learning.rates={"*.bias"=0.0}', "rates of their own"),
        ("sweep.seeds=0", r"sweep\.seeds"),
    ],
)
def test_a_sweep_that_does_not_fit_is_refused(setting, words):
    with pytest.raises(ValueError, match=words):
        study_of(setting)


def test_the_smoke_preset_makes_a_sweep_small_and_what_is_said_wins():
    small = sweep_configuration("cd-dms", ["preset=smoke"]).sweep
    assert len(small.models) * len(small.rates) * small.seeds * small.problems <= 4
    assert sweep_configuration("cd-dms", ["sweep.seeds=3", "preset=smoke"]).sweep.seeds == 3
    assert len(sweep_configuration("cd-dms").sweep.models) == 4


def test_a_sweep_whose_problems_could_not_be_solved_is_refused_before_it_begins():
    with pytest.raises(ValueError, match=r"criterion\.window is 5 and criterion\.limit 3"):
        study_of("criterion.limit=3")
