"""A run with homeostatic thresholds beside every other mechanism: killed, resumed, loaded, disturbed, reported."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from classification_helpers import configured, killed_and_resumed, patterns
from metaplast.analysis.classification.epochs import read_epochs
from metaplast.analysis.classification.few_shot import read_few_shot
from metaplast.analysis.classification.robustness import read_robustness
from metaplast.experiments.classification import data as classification_data
from metaplast.experiments.classification import session as classification_session
from metaplast.experiments.classification.experiment import build
from metaplast.experiments.classification.robustness import measure_robustness
from metaplast.experiments.classification.session import load_learned, run
from metaplast.learning.classification import known
from metaplast.report import write_pages
from metaplast.runs import RunDirectory

HOMEOSTASIS = "homeostasis={target=0.2,rate=0.02}"
BESIDE = f'conditions={{X={{channels=["stbp","hebbian","sbp","trace"],{HOMEOSTASIS}}}}}'
TRACE = 'channels.trace={learner="e-prop"}'
FEW = ("few_shot.unseen=2", "few_shot.ways=2", "few_shot.shots=2", "few_shot.queries=3", "few_shot.episodes=2")
ONE = "training.seeds=1"


@pytest.fixture(scope="module", autouse=True)
def without_files():
    """No files are read, and what is compiled once serves all runs of the same grid."""
    programs, compile_epoch = {}, classification_session.compile_epoch

    def compiled_once(grid, group):
        if id(grid) not in programs:
            programs[id(grid)] = compile_epoch(grid, group)
        return programs[id(grid)]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(classification_session, "compile_epoch", compiled_once)
        patch.setattr(classification_data, "load", lambda *_, **__: patterns(test=60))
        yield


@pytest.fixture(scope="module")
def grid(without_files, quick_compilation):
    return build(configured(TRACE, BESIDE, ONE))


@pytest.fixture(scope="module")
def whole(grid, tmp_path_factory):
    place = RunDirectory.create(tmp_path_factory.mktemp("whole") / "run")
    run(grid, place, lambda now: None)
    return place


def test_a_killed_run_goes_on_bit_for_bit(grid, whole, tmp_path):
    place = killed_and_resumed(grid, tmp_path / "run")
    one, two = (each.read_arrays("networks/X-seed0-end") for each in (place, whole))
    assert set(one) == set(two)
    assert one["memory.hidden1.offset"].shape == (1, 8)
    assert all(np.array_equal(one[name], two[name]) for name in two)


def test_its_thresholds_are_logged_and_come_back_as_they_were_tested(grid, whole):
    table, group, data = read_epochs(whole), grid.groups[0], grid.data
    assert table.columns("X", "threshold") == ["threshold.hidden1"]
    learned = load_learned(whole, group, 0)
    offset = learned.memory["hidden1"].offset
    assert np.std(offset) > 0
    logged = table.last("X", "threshold.hidden1").item()
    assert logged == pytest.approx(0.35 + float(offset.mean()), abs=1e-6)
    assert abs(logged - 0.35) > 1e-3
    for batch in (10, 7):  # whatever the batch: no example has to do with another
        found = known(group.learner, learned, data.test, data.encode_test, jax.random.key(0), jnp.ones(()), batch)
        assert float(found.accuracy) == pytest.approx(table.last("X", "test_accuracy").item(), abs=1e-6)
        assert float(found.rates["hidden1"]) == pytest.approx(table.last("X", "rate.hidden1").item(), rel=1e-5)
    intact = whole.read_arrays("contributions/X-seed0")["intact"]
    assert float(intact) == pytest.approx(table.last("X", "test_accuracy").item(), abs=1e-6)


@pytest.mark.slow
def test_undisturbed_it_is_what_was_tested(grid, whole):
    measure_robustness(grid, whole, lambda *_: None)
    at_end = read_epochs(whole).last("X", "test_accuracy").item()
    levels = [row.accuracy for row in read_robustness(whole) if row.level == 0]
    assert levels
    assert levels == pytest.approx([at_end] * len(levels), abs=1e-6)
    write_pages([whole])


@pytest.mark.slow
def test_few_shot_features_are_those_of_held_thresholds(tmp_path):
    grid = build(configured(TRACE, BESIDE, ONE, *FEW, "training.epochs=1"))
    place = RunDirectory.create(tmp_path / "run")
    run(grid, place, lambda now: None)
    assert all(np.isfinite(row.accuracy) for row in read_few_shot(place))


@pytest.mark.slow
@pytest.mark.parametrize(
    "network",
    [
        'network={kind="convolutional", stages=[{channels=3, pool=2}], hidden=[6], steps=2}',
        'network={kind="residual", stages=[{channels=3}], hidden=[], steps=2}',
    ],
)
def test_feature_maps_have_a_threshold_at_every_place(network, tmp_path):
    condition = f'conditions={{X={{channels=["stbp"],{HOMEOSTASIS}}}}}'
    grid = build(configured(network, condition, ONE, "training.epochs=1"))
    place = RunDirectory.create(tmp_path / "run")
    run(grid, place, lambda now: None)
    table = read_epochs(place)
    maps = [wiring for wiring in grid.groups[0].wiring if len(wiring.cells) == 3]
    assert maps
    learned = load_learned(place, grid.groups[0], 0)
    for layer in maps:
        assert learned.memory[layer.layer].offset.shape == (1, *layer.cells)
        assert table.last("X", f"threshold.{layer.layer}").item() != pytest.approx(0.35, abs=1e-4)
    measure_robustness(grid, place, lambda *_: None)
    at_end = table.last("X", "test_accuracy").item()
    assert all(row.accuracy == pytest.approx(at_end) for row in read_robustness(place) if row.level == 0)


def test_a_network_without_hidden_layers_is_refused():
    with pytest.raises(ValueError, match=r"conditions\.X\.homeostasis: there is no hidden layer"):
        build(configured(f'conditions={{X={{channels=["stbp"],{HOMEOSTASIS}}}}}', ONE, "network.hidden=[]"))
