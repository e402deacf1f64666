"""A classification run: all that it promises, the same after having been killed, its disturbances and its report."""

import csv
import json
from dataclasses import replace

import jax.numpy as jnp
import numpy as np
import pytest

from classification_helpers import configured, events, patterns
from metaplast.analysis.classification.epochs import read_epochs
from metaplast.analysis.classification.robustness import read_robustness
from metaplast.experiments.classification import data as classification_data
from metaplast.experiments.classification import session as classification_session
from metaplast.experiments.classification.experiment import build
from metaplast.experiments.classification.robustness import kinds_for, measure_robustness
from metaplast.experiments.classification.session import load_learned, run
from metaplast.experiments.states import Mismatch
from metaplast.report import write_pages
from metaplast.report.classification import contests, tables_of
from metaplast.runs import RunDirectory


@pytest.fixture(scope="module", autouse=True)
def without_files():
    """No files are read, and what is compiled once serves all runs of the same grid."""
    programs, compile_epoch = {}, classification_session.compile_epoch

    def compiled_once(grid, group):
        key = id(grid), group.condition
        if key not in programs:
            programs[key] = compile_epoch(grid, group)
        return programs[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(classification_session, "compile_epoch", compiled_once)
        patch.setattr(classification_data, "load", lambda name, *_, **__: events() if name == "n-mnist" else patterns())
        yield


class Killed(Exception):
    """What a killed run is in these tests."""


@pytest.fixture(scope="module")
def grid(without_files, quick_compilation):
    return build(configured())


@pytest.fixture(scope="module")
def whole(grid, tmp_path_factory):
    place, told = RunDirectory.create(tmp_path_factory.mktemp("whole") / "run"), []
    run(grid, place, told.append)
    return place, told


def rows_without_seconds(place):
    with (place.path / "epochs.csv").open() as stream:
        return [{key: value for key, value in row.items() if key != "seconds"} for row in csv.DictReader(stream)]


def test_a_run_writes_all_that_it_promises(grid, whole):
    place, told = whole
    table = read_epochs(place)
    assert table.conditions() == ["S", "S+H+B"]
    assert [(row.seed, row.epoch) for row in table.rows if row.condition == "S"] == [(0, 1), (1, 1), (0, 2), (1, 2)]
    for condition, channels in (("S", 1), ("S+H+B", 3)):
        for kind in ("gain", "change", "current"):
            assert len(table.columns(condition, kind)) == 2 * channels
        for kind in ("change", "current"):
            of_output = [table.curve(condition, name) for name in table.columns(condition, kind) if ".output." in name]
            np.testing.assert_allclose(sum(of_output), 1.0, rtol=1e-4)
        assert (table.curve(condition, "rate.hidden1") > 0).all()
        assert (table.curve(condition, "operations") > 0).all()
    gains = [table.curve("S+H+B", f"gain.output.{name}")[:, -1] for name in ("sbp", "stbp")]
    assert all((gain != 1).all() for gain in gains)
    assert (table.curve("S", "gain.output.stbp") == 1).all()
    files = {str(path.relative_to(place.path)) for path in place.path.rglob("*") if path.is_file()}
    lanes = [f"{name}-seed{seed}" for name in table.conditions() for seed in (0, 1)]
    expected = {"config.toml", "meta.json", "epochs.csv", "summary.json", "checkpoint.npz"}
    expected |= {f"networks/{lane}-end.npz" for lane in lanes} | {"contributions/S+H+B-seed0.npz"}
    expected |= {f"events/{lane}/events.out.tfevents.metaplast" for lane in lanes}
    assert (
        files - {"report.html", "robustness.csv", "analysis.toml"} - {f for f in files if f.startswith("figures/")}
        == expected
    )
    assert [(now.done, now.condition) for now in told if now.epoch] == [
        (1, "S"),
        (2, "S"),
        (3, "S+H+B"),
        (4, "S+H+B"),
    ]
    assert all(now.speed > 0 for now in told if now.epoch)


def test_the_text_has_the_tables_of_the_page(whole, tmp_path):
    place, _ = whole
    page, text = write_pages([place], tmp_path / "page.html", tmp_path / "mpsl.md")
    assert {each.name for each in (tmp_path / "mpsl").iterdir()} >= {f"{place.name}-accuracy.png"}
    written = text.read_text()
    assert "root =" not in written  # where the data lay on one machine
    for table in tables_of(place):
        assert table.title in written
        assert table.title in page.read_text()
    assert all(len(row) > 3 for row in written.splitlines() if row.startswith("|"))


def test_the_data_are_called_what_they_are_wherever_they_are_shown(tmp_path):
    """A run notes what its files held; one that was finished by an older version does when it is resumed."""
    settings = ["data.validation=20", "data.train=30", "training.epochs=1", "training.seeds=1"]
    grid = build(configured(*settings, 'conditions={S={channels=["stbp"]}}'))
    place = RunDirectory.create(tmp_path / "run")
    run(grid, place, lambda now: None)
    told = place.meta["data"]
    assert (told["name"], told["train"], told["test"]) == ("patterns-held-out", 30, 20)
    assert "used are 30 of 40 train examples" in told["provenance"]
    for written in (page.read_text() for page in write_pages([place], tmp_path / "page.html", tmp_path / "mpsl.md")):
        assert "learns patterns-held-out (30 training and 20 held-out training examples)" in written
        assert told["provenance"] in written
        assert "est accuracy" not in written
        assert "test examples" not in written
    place.write_meta({key: value for key, value in place.meta.items() if key != "data"})
    (page,) = write_pages([place])
    assert "learns digits (30 training examples)" in page.read_text()
    run(grid, place, lambda now: None, resume=True)
    assert place.meta["data"] == told


def test_networks_that_break_are_seen_and_shown(tmp_path):
    condition = '{X={channels=["stbp", "random"], assignment={name="softmax"}}}'
    grid = build(configured("channels.stbp.rate=1e38", f"conditions={condition}"))
    place = RunDirectory.create(tmp_path / "run")
    run(grid, place, lambda now: None)
    found = place.summary["conditions"]["X"]
    assert (found["seeds"], found["broken"], found["loss"], found["accuracy"]["mean"]) == (2, 2, None, 0.0)
    (page,) = write_pages([place])
    assert "Broken: seeds whose loss" in page.read_text()


def test_the_summary_has_intervals_and_a_contest(whole):
    place, _ = whole
    summary = json.loads((place.path / "summary.json").read_text(), parse_constant=pytest.fail)
    accuracy = summary["conditions"]["S"]["accuracy"]
    assert accuracy["low"] <= accuracy["mean"] <= accuracy["high"]
    (contest,) = summary["contests"]
    assert (contest["combined"], contest["single"]) == ("S+H+B", "S")
    ours, theirs = (summary["conditions"][name]["accuracy"]["mean"] for name in ("S+H+B", "S"))
    assert contest["difference"]["mean"] == pytest.approx(ours - theirs, abs=1e-6)
    (shown,) = contests(place)
    assert contest == json.loads(json.dumps(shown._asdict() | {"difference": shown.difference._asdict()}))


@pytest.mark.parametrize("epochs", [1, 3])
def test_a_killed_run_goes_on_bit_for_bit(grid, whole, tmp_path, epochs):
    """Killed within the first condition, and within the second."""
    place = RunDirectory.create(tmp_path / "run")

    def told(now):
        if now.done == epochs and now.epoch:
            raise Killed

    with pytest.raises(Killed):
        run(grid, place, told)
    run(grid, RunDirectory.open(place.path), lambda now: None, resume=True)
    assert rows_without_seconds(place) == rows_without_seconds(whole[0])
    for group in grid.groups:
        for seed in group.seeds:
            one, two = (run.read_arrays(f"networks/{group.condition}-seed{seed}-end") for run in (place, whole[0]))
            assert all(np.array_equal(one[name], two[name]) for name in two)
    assert len(place.meta["resumptions"]) == 1


def test_a_network_comes_back_as_it_was(grid, whole):
    group = grid.groups[1]
    learned = load_learned(whole[0], group, 1)
    saved = whole[0].read_arrays("networks/S+H+B-seed1-end")
    assert np.array_equal(
        learned.model.network.projections["hidden1-sbp"].weight,
        saved["model.network.projections.hidden1-sbp.weight"],
    )
    assert np.abs(learned.memory["hidden1-hebbian"].trace).max() > 0
    other = replace(grid.groups[0], condition="S+H+B")
    with pytest.raises(Mismatch, match="does not fit"):
        load_learned(whole[0], other, 1)


def test_disturbances_are_measured_once_and_shown(grid, whole):
    place, _ = whole
    measure_robustness(grid, place, lambda *_: None)
    rows = read_robustness(place)
    kinds = kinds_for(grid)
    assert len(rows) == 4 * 7 * len(kinds)
    assert {"gaussian", "lost-cells"} <= set(kinds)
    table = read_epochs(place)
    for row in rows:
        if row.level == 0:  # undisturbed, it is what the last epoch was tested with
            at_end = table.last(row.condition, "test_accuracy")[row.seed]
            assert row.accuracy == pytest.approx(at_end, abs=1e-6)
    strong = np.mean([row.accuracy for row in rows if row.level == 6])
    assert strong < np.mean([row.accuracy for row in rows if row.level == 0])
    before = (place.path / "robustness.csv").stat().st_mtime_ns
    measure_robustness(grid, place, lambda *_: None)
    assert (place.path / "robustness.csv").stat().st_mtime_ns == before
    others = replace(grid, config=configured("robustness.test=10"))
    with pytest.raises(ValueError, match=r"robustness\.test = 2000, not 10; give the same, or remove robustness\.csv"):
        measure_robustness(others, place, lambda *_: None)
    (place.path / "analysis.toml").unlink()  # as an older version left it
    with pytest.raises(ValueError, match=r"robustness\.test = 2000, not 10"):
        measure_robustness(others, place, lambda *_: None)
    measure_robustness(grid, place, lambda *_: None)
    assert (place.path / "analysis.toml").read_text() == "test = 2000\n"
    (page,) = write_pages([place])
    text = page.read_text()
    names = ("accuracy", "gains", "robustness", "contributions-S+H+B")
    assert all((place.figures / f"{name}.png").is_file() for name in names)
    for words in ("What each channel contributed", "Under disturbance", "Together or alone", "S+H+B"):
        assert words in text
    assert "http" not in text.replace("http://www.w3.org", "")


def test_events_and_other_assignments_run(tmp_path):
    settings = [
        'data.name="n-mnist"',
        "training.epochs=1",
        "training.seeds=1",
        'conditions={F={channels=["stbp", "sbp"]}}',
    ]
    policy = '{name="scheduled", start={sbp=0.0}, epochs=1}'
    condition = f'{{channels=["stbp", "sbp"], assignment={policy}}}'
    grid = build(configured(*settings, f"conditions={{F={condition}}}"))
    place = RunDirectory.create(tmp_path / "run")
    run(grid, place, lambda now: None)
    table = read_epochs(place)
    assert table.curve("F", "gain.hidden1.sbp").item() == 0.0
    assert table.curve("F", "products").item() == 0.0
    assert table.curve("F", "operations").item() > 0
    assert {"event-drop", "event-jitter", "extra-events"} <= set(kinds_for(grid))


def test_no_more_events_than_asked_for_count_in_a_pixel():
    counts = jnp.asarray([[0, 1, 2, 28]], jnp.uint8)
    for most, expected in ((0, [0, 1, 2, 28]), (1, [0, 1, 1, 1]), (2, [0, 1, 2, 2])):
        data = classification_data.prepared(configured('data.name="n-mnist"', f"data.most={most}"))
        assert data.values(counts).tolist() == [expected]
    still = classification_data.prepared(configured("data.most=1"))
    assert still.values(jnp.asarray([255], jnp.uint8)).tolist() == [1.0]


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("data={standard=true, coding='rate'}", "data.standard is for the direct coding of images"),
        ('conditions.X={channels=["hebb"]}', "no channel 'hebb'; there are"),
        ("conditions.X={channels=[]}", "conditions.X.channels is empty"),
        ('channels.hebbian.plasticity={name="hebb"}', "channels.hebbian.plasticity.name is 'hebb'"),
        ('channels.stbp={learner="gradients"}', "channels"),
        ('conditions.S.assignment={name="fixed", gains={sbp=1.0}}', "gain of 'sbp'"),
        ("training.batch=1000", "training.batch is 1000; there are 60 examples"),
        ("data.train=1000", "1000 train examples wanted"),
        ("data.validation=60", "data.validation is 60; patterns has 60 training examples"),
        ('data.coding="events"', "does not suit"),
        ('channels.hebbian.learned=["betas"]', "channels.hebbian.learned names betas, which the rule does not have"),
        ('channels.hebbian.per_source=["betas"]', "betas"),
    ],
)
def test_what_does_not_fit_is_refused_before_anything_runs(setting, words):
    with pytest.raises(ValueError, match=words.replace("[", r"\[")):
        build(configured(setting))


def rows_of(examples):
    return {image.tobytes() for image in np.asarray(examples.images)}


def test_validation_holds_out_training_examples_and_leaves_the_test_set_alone():
    """Those held out are the same ones whatever else is chosen, none is learned, and none is from the test set."""
    plain = classification_data.prepared(configured())
    held = classification_data.prepared(configured("data.validation=20"))
    fewer = classification_data.prepared(configured("data.validation=20", "data.train=15", "training.seed=3"))
    assert (len(held.train.labels), len(held.test.labels), len(fewer.train.labels)) == (40, 20, 15)
    assert rows_of(held.train) | rows_of(held.test) == rows_of(plain.train)
    assert not rows_of(held.train) & rows_of(held.test)
    assert not rows_of(held.test) & rows_of(plain.test)
    assert rows_of(fewer.test) == rows_of(held.test)
    assert rows_of(fewer.train) < rows_of(held.train)
    assert "held-out" in held.name
