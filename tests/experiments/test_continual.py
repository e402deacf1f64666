"""Tasks learned one after the other: what is tested, what conditions share, and the same after having been killed."""

import csv

import numpy as np
import pytest

from classification_helpers import configured, events, patterns
from metaplast.analysis.classification.epochs import read_epochs
from metaplast.analysis.classification.sequence import read_sequence
from metaplast.experiments.classification import data as classification_data
from metaplast.experiments.classification import session as classification_session
from metaplast.experiments.classification.experiment import build
from metaplast.experiments.classification.session import run
from metaplast.report import write_pages
from metaplast.runs import RunDirectory

SEQUENCE = ('continual.kind="permuted"', "continual.tasks=3")


@pytest.fixture(scope="module", autouse=True)
def without_files():
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
    return build(configured(*SEQUENCE))


@pytest.fixture(scope="module")
def whole(grid, tmp_path_factory):
    place = RunDirectory.create(tmp_path_factory.mktemp("whole") / "run")
    run(grid, place, lambda now: None)
    return place


def test_every_network_is_tested_on_every_task_after_every_epoch(grid, whole):
    table = read_epochs(whole)
    for condition in ("S", "S+H+B"):
        on_tasks = np.stack([table.curve(condition, f"task.{task}") for task in (1, 2, 3)])
        assert on_tasks.shape == (3, 2, 6)
        np.testing.assert_allclose(table.curve(condition, "test_accuracy"), on_tasks.mean(0), atol=1e-6)
        start = table.curve(condition, "start.1")
        assert np.isfinite(start[:, 0]).all()
        assert np.isnan(start[:, 1:]).all()
    rows = read_sequence(whole)
    assert len(rows) == 2 * 2 * 4 * 3
    assert {(row.learned, row.task) for row in rows} == {(i, j) for i in range(4) for j in range(1, 4)}
    found = whole.summary["sequence"]["S"]
    assert found["average"]["mean"] == pytest.approx(whole.summary["conditions"]["S"]["accuracy"]["mean"], abs=1e-6)
    assert found["backward"]["low"] <= found["backward"]["mean"] <= found["backward"]["high"]


def test_a_task_is_learned_from_its_own_examples(whole):
    """A task is known better after its own epochs than right before them."""
    for condition in ("S", "S+H+B"):
        rows = [row for row in read_sequence(whole) if row.condition == condition]
        known = {(row.seed, row.learned, row.task): row.accuracy for row in rows}
        gained = [known[seed, task, task] - known[seed, task - 1, task] for seed in (0, 1) for task in (1, 2, 3)]
        assert np.mean(gained) > 0.05


def test_training_and_test_examples_are_permuted_alike_and_stored_once(grid):
    data = grid.data
    assert data.train.images.dtype == np.uint8
    assert len(data.train.images) == 60
    key = grid.groups[0].keys[0]
    stored = data.train.images[:5]
    for task in range(3):
        ours, theirs = (np.asarray(encode(stored, key, task)) for encode in (data.encode_train, data.encode_test))
        np.testing.assert_array_equal(ours, theirs)
        values = np.sort(np.asarray(stored).reshape(5, -1) / 255.0)
        np.testing.assert_allclose(np.sort(ours.reshape(5, -1)), values, rtol=1e-6)
    first, second = (np.asarray(data.encode_test(stored, key, task)) for task in (0, 1))
    assert not np.array_equal(first, second)


def test_a_single_task_is_what_it_was_without_sequences(grid):
    single = build(configured())
    key, stored = grid.groups[0].keys[0], grid.data.test.images[:5]
    np.testing.assert_array_equal(single.data.encode_test(stored, key), grid.data.encode_test(stored, key, 0))
    assert single.data.tasks == 1


@pytest.mark.parametrize("epochs", [3, pytest.param(8, marks=pytest.mark.slow)])
def test_a_killed_run_goes_on_bit_for_bit(grid, whole, tmp_path, epochs):
    """Killed in the middle of a task of the first condition, and after one of the second."""
    place = RunDirectory.create(tmp_path / "run")

    def told(now):
        if now.done == epochs and now.epoch:
            raise Killed

    with pytest.raises(Killed):
        run(grid, place, told)
    run(grid, RunDirectory.open(place.path), lambda now: None, resume=True)
    assert rows_without_seconds(place) == rows_without_seconds(whole)
    ours, theirs = ((each.path / "analysis" / "sequence.csv").read_bytes() for each in (place, whole))
    assert ours == theirs


def rows_without_seconds(place):
    with (place.path / "epochs.csv").open() as stream:
        return [{key: value for key, value in row.items() if key != "seconds"} for row in csv.DictReader(stream)]


def test_the_report_tells_of_the_sequence(whole, tmp_path):
    page, text = write_pages([whole], tmp_path / "page.html", tmp_path / "continual.md")
    for written in (page.read_text(), text.read_text()):
        assert "3 tasks one after the other" in written
        assert "Over the sequence of tasks" in written
        assert "backward transfer" in written
    assert (tmp_path / "continual" / f"{whole.name}-sequence.png").is_file()


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (["continual.tasks=3"], "continual.tasks is 3; say with continual.kind"),
        (['continual.kind="rotated"'], "give continual.tasks, at least 2"),
        (['continual.kind="shuffled"', "continual.tasks=2"], "continual.kind"),
        (['continual.kind="permuted"', "continual.tasks=2", 'data.name="n-mnist"'], "holds events"),
    ],
)
def test_what_does_not_fit_is_refused(settings, words):
    with pytest.raises(ValueError, match=words):
        build(configured(*settings))
