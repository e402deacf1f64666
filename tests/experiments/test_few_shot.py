"""Classes that are held back, and learned from a few examples by networks that do not change any more."""

import numpy as np
import pytest

from classification_helpers import configured, patterns
from metaplast.analysis.classification.few_shot import read_few_shot
from metaplast.experiments.classification import data as classification_data
from metaplast.experiments.classification.experiment import build
from metaplast.experiments.classification.few_shot import measure_few_shot
from metaplast.experiments.classification.session import load_learned, run
from metaplast.report import write_pages
from metaplast.runs import RunDirectory

FEW = ("few_shot.unseen=2", "few_shot.ways=2", "few_shot.shots=2", "few_shot.queries=3", "few_shot.episodes=4")


@pytest.fixture(scope="module", autouse=True)
def without_files():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(classification_data, "load", lambda *_, **__: patterns(test=60))
        yield


@pytest.fixture(scope="module")
def finished(without_files, quick_compilation, tmp_path_factory):
    grid = build(configured(*FEW, "training.epochs=1"))
    place = RunDirectory.create(tmp_path_factory.mktemp("few") / "run")
    run(grid, place, lambda now: None)
    return grid, place


def test_classes_that_are_held_back_are_neither_learned_nor_tested():
    data = build(configured(*FEW)).data
    assert data.classes == ("a", "b")
    assert set(np.asarray(data.train.labels)) == set(np.asarray(data.test.labels)) == {0, 1}
    assert set(np.asarray(data.unseen.labels)) == {2, 3}
    assert build(configured()).data.unseen.labels.shape == (0,)


@pytest.mark.slow
def test_every_network_meets_the_same_episodes_and_none_is_measured_twice(finished):
    grid, place = finished
    rows = read_few_shot(place)
    assert len(rows) == 2 * 2 * 4 * 4
    by = {name: [r.accuracy for r in rows if (r.condition, r.readout) == (name, "pixels")] for name in ("S", "S+H+B")}
    assert by["S"] == by["S+H+B"]  # the same examples, and no network
    assert np.mean(by["S"]) > 0.5
    path = place.path / "analysis" / "few_shot.csv"
    whole = path.read_bytes()
    path.write_bytes(b"".join(whole.splitlines(keepends=True)[: 1 + 16]))  # as if killed after the first network
    measure_few_shot(grid, place, load_learned)
    assert path.read_bytes() == whole


@pytest.mark.slow
def test_the_report_tells_of_them(finished):
    (page,) = write_pages([finished[1]])
    assert "Classes never seen before" in page.read_text()


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (["few_shot.unseen=3"], "leave two"),
        (["few_shot.ways=3"], "few_shot.ways is 3"),
        (["few_shot.queries=50"], "a class has"),
        (["network.hidden=[]"], "network.hidden"),
        (['continual.kind="permuted"', "continual.tasks=2"], "continual.kind none"),
    ],
)
def test_what_does_not_fit_is_refused_before_anything_runs(settings, words):
    with pytest.raises(ValueError, match=words):
        build(configured(*FEW, *settings))
