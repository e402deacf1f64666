"""Convolutional and residual networks in a classification configuration: built, learned, resumed, tested folded."""

import re

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from classification_helpers import configured, events, killed_and_resumed, patterns
from metaplast.analysis.classification.epochs import read_epochs
from metaplast.config import decode, to_table
from metaplast.connections import Normalised
from metaplast.data import Dataset, Split
from metaplast.experiments.classification import data as classification_data
from metaplast.experiments.classification.experiment import build
from metaplast.experiments.classification.robustness import kinds_for
from metaplast.experiments.classification.session import load_learned, of_seed, run
from metaplast.experiments.search.channel_settings import ChannelSearch
from metaplast.experiments.search.channels import build as build_search
from metaplast.learning.classification import fan_out, known
from metaplast.models.damage import DAMAGES, with_single_cells
from metaplast.network import activity
from metaplast.report import write_pages
from metaplast.report.classification import network_words, normalised_words
from metaplast.runs import RunDirectory
from metaplast.simulate import simulate

CONVOLUTIONAL = 'network={kind="convolutional", stages=[{channels=3, pool=2}], hidden=[6], steps=2}'
RESIDUAL = 'network={kind="residual", stages=[{channels=3}, {channels=4}], hidden=[], steps=2}'
BEHIND = 'conditions={"S+B"={channels=["stbp", "sbp"], layers={hidden1=["stbp"]}}}'
ONLY_S = 'conditions={S={channels=["stbp"], single=true}}'
ONE = "training.seeds=1"


@pytest.fixture(scope="module", autouse=True)
def without_files():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(classification_data, "load", lambda name, *_, **__: events() if name == "n-mnist" else patterns())
        yield


@pytest.fixture(scope="module")
def grid(without_files, quick_compilation):
    return build(configured(CONVOLUTIONAL, BEHIND, ONE))


@pytest.fixture(scope="module")
def whole(grid, tmp_path_factory):
    place = RunDirectory.create(tmp_path_factory.mktemp("whole") / "run")
    run(grid, place, lambda now: None)
    return place


def test_a_run_logs_its_layers_and_learns_scale_and_shift(grid, whole):
    table = read_epochs(whole)
    assert table.columns("S+B", "rate") == ["rate.hidden1", "rate.hidden2", "rate.output"]  # no pool among them
    assert (table.curve("S+B", "operations") > 0).all()
    assert np.isfinite(table.curve("S+B", "test_loss")).all()
    group = grid.groups[0]
    start, end = of_seed(group.start, 0).model, load_learned(whole, group, 0).model
    connections = [model.network.projections["hidden1-stbp"].connection for model in (start, end)]
    assert isinstance(connections[0], Normalised)
    for name in ("scale", "shift"):
        before, after = (getattr(connection, name) for connection in connections)
        assert not np.array_equal(before, after)
    assert not np.array_equal(
        start.network.projections["hidden2-sbp"].weight, end.network.projections["hidden2-sbp"].weight
    )
    assert set(end.moments) == {"hidden1-stbp", "hidden2-stbp"}
    assert "Its currents that no local rule changes are normalised" in write_pages([whole])[0].read_text()


def test_what_was_saved_answers_as_it_was_tested(grid, whole):
    """The saved moments are those with which the last epoch was tested, and no example depends on its batch."""
    group, data = grid.groups[0], grid.data
    learned = load_learned(whole, group, 0)
    now = jnp.asarray(1.0)
    for batch in (10, 5):
        found = known(group.learner, learned, data.test, data.encode_test, jax.random.key(0), now, batch)
        table = read_epochs(whole)
        assert float(found.accuracy) == pytest.approx(table.curve("S+B", "test_accuracy")[0, -1], abs=1e-6)
        assert float(found.loss) == pytest.approx(table.curve("S+B", "test_loss")[0, -1], rel=1e-4)
    network = learned.model.at_test(now, learned.memory)
    assert not any(isinstance(projection.connection, Normalised) for projection in network.projections.values())


def test_a_killed_run_goes_on_bit_for_bit(grid, whole, tmp_path):
    place = killed_and_resumed(grid, tmp_path / "run")
    one, two = (each.read_arrays("networks/S+B-seed0-end") for each in (place, whole))
    assert set(one) == set(two)
    assert any(name.startswith("model.moments.") for name in one)
    assert all(np.array_equal(one[name], two[name]) for name in two)


def test_a_spike_counts_behind_a_pool_and_lost_cells_of_maps_are_silent(grid, whole):
    learned = load_learned(whole, grid.groups[0], 0)
    network = learned.model.at_test(jnp.asarray(1.0), learned.memory)
    assert float(fan_out(network, "hidden1")) == 6  # every cell is read by one pool, and that by six cells
    assert "lost-cells" in kinds_for(grid)
    lost = DAMAGES["lost-cells"].change(with_single_cells(network), jax.random.key(0), jnp.asarray(0.5))
    images = grid.data.encode_test(grid.data.test.images, jax.random.key(0))

    def sent(network):
        state = network.init(images.shape[1], key=jax.random.key(0))
        record = lambda state: activity(state.populations["hidden1"])  # noqa: E731
        return simulate(network, {"input": images}, state, record=record, steps=2)[0].sum(axis=(0, 1)) > 0

    before, after = sent(network), sent(lost)
    assert before.sum() > after.sum() > 0
    assert not (after & ~before).any()


def test_a_residual_network_learns_its_shortcuts():
    grid = build(configured(RESIDUAL, ONLY_S, ONE))
    group = grid.groups[0]
    assert [layer.layer for layer in group.wiring] == ["hidden1", "hidden2", "hidden3", "hidden4", "hidden5", "output"]
    (part,) = group.learner.parts
    assert "network.projections.shortcut-hidden5.weight" in part.patterns
    assert "network.projections.shortcut-hidden5.connection.scale" in part.patterns
    assert not any("shortcut-hidden3" in pattern for pattern in part.patterns)  # as it is: nothing to learn


def test_events_are_frames_of_a_channel_a_polarity():
    grid = build(configured(CONVOLUTIONAL.replace("steps=2", "steps=3"), ONLY_S, ONE, 'data.name="n-mnist"'))
    network = eqx.filter_eval_shape(lambda start: start.model.network, grid.groups[0].start)
    assert network.populations["input"].shape == (4, 4, 2)


def test_without_normalisation_nothing_is_settled():
    grid = build(configured(CONVOLUTIONAL.replace("steps=2", "steps=2, normalised=false"), ONLY_S, ONE))
    assert grid.groups[0].start.model.moments == {}


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (['network.kind="conv"'], "network.kind: Invalid enum value 'conv'"),
        (["network.stages=[{channels=3}]"], "network: stages: a dense network has none"),
        (["network.normalised=true"], "network: normalised: a dense network has none"),
        (['network.kind="convolutional"'], "network: stages: a convolutional network needs at least one"),
        (['network={kind="residual", stages=[{channels=3, pool=2}]}'], "has channels only"),
        (
            [CONVOLUTIONAL.replace("pool=2", "pool=5")],
            "network.stages: layer 1 has 4 x 4 places; a pool of 5 leaves none",
        ),
        ([CONVOLUTIONAL.replace("pool=2", "pools=2")], "network.stages"),
        ([RESIDUAL, 'conditions={"S+B"={channels=["stbp", "sbp"]}}'], "no way back through a residual network"),
        (
            [CONVOLUTIONAL, 'channels.eprop={learner="e-prop"}', 'conditions={E={channels=["eprop"]}}'],
            "no way back through a convolutional network; leave it out, or take network.kind = 'dense'",
        ),
    ],
)
def test_what_does_not_fit_is_refused(settings, words):
    with pytest.raises(ValueError, match=re.escape(words)) as refused:
        build(configured(*settings))
    assert "\n" not in str(refused.value)


def test_data_that_are_no_images_are_refused(monkeypatch):
    def flat(*_, **__):
        whole = patterns()
        splits = [Split(split.inputs.reshape(-1, 16), split.labels) for split in (whole.train, whole.test)]
        return Dataset(whole.name, *splits, whole.classes, whole.provenance)

    monkeypatch.setattr(classification_data, "load", flat)
    with pytest.raises(
        ValueError, match=r"inputs have shape \(60, 16\).* expected float32 \[n, height, width, channels\]"
    ):
        build(configured(CONVOLUTIONAL, ONLY_S, ONE))


def test_a_search_for_channels_says_that_it_is_for_dense_networks():
    table = to_table(configured(CONVOLUTIONAL, ONLY_S, ONE)) | {"experiment": "channel-search"}
    with pytest.raises(ValueError, match="a search for channels takes dense networks only"):
        build_search(decode(table, ChannelSearch))


def test_the_report_says_which_network_it_was():
    stages = [
        {"channels": 32, "kernel": 3, "stride": 1, "pool": 2},
        {"channels": 64, "kernel": 5, "stride": 2, "pool": 1},
    ]
    network = {"kind": "convolutional", "stages": stages, "hidden": [128]}
    assert "32C3-P2-64C5S2 and, behind them, 128 hidden cells" in network_words(network)
    assert "blocks of 32, 64 feature maps" in network_words(network | {"kind": "residual", "hidden": []})
    assert network_words({"hidden": [16, 8]}) == "A spiking network with 16 and 8 hidden cells"  # an older run
    assert normalised_words({"hidden": [16]}) == normalised_words(network | {"normalised": False}) == ""
