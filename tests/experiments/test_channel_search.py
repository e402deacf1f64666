"""A search for the channels of each layer: what is absent does nothing, and a run takes what was found."""

import filecmp
from dataclasses import replace

import jax
import jax.numpy as jnp
import msgspec
import numpy as np
import pytest

from classification_helpers import TABLE, configured, patterns
from metaplast.allocation import SEARCHES
from metaplast.analysis.search.channel_pilot_rows import PilotRow, read_pilot
from metaplast.config import component, resolve, to_table
from metaplast.experiments.classification import data as classification_data
from metaplast.experiments.classification.epoch import compile_epoch
from metaplast.experiments.classification.experiment import build as build_run
from metaplast.experiments.classification.experiment import grid_of
from metaplast.experiments.classification.settings import ClassificationSettings, Condition
from metaplast.experiments.classification.settings import complete as complete_run
from metaplast.experiments.learning_to_learn.experiment import Lane
from metaplast.experiments.search import channel_pilot
from metaplast.experiments.search.channel_pilot import ChannelPilot
from metaplast.experiments.search.channel_settings import OPEN_TABLES, ChannelSearch, complete
from metaplast.experiments.search.channels import PILOT, build
from metaplast.experiments.search.session import run_search
from metaplast.runs import RunDirectory

SMALL = ["search.problems=2", "pilot.seeds=1", 'pilot.channels=["stbp", "sbp"]']


class Killed(Exception):
    """What a killed search is in these tests."""


def searching(*settings: str) -> ChannelSearch:
    table = {key: value for key, value in TABLE.items() if key != "experiment"}
    return resolve(table, settings, ChannelSearch, complete, OPEN_TABLES)


@pytest.fixture(scope="module", autouse=True)
def without_files():
    """No files are read, and what is compiled once serves all searches of the same study."""
    programs, program = {}, channel_pilot.program

    def compiled_once(study):
        if id(study) not in programs:
            programs[id(study)] = program(study)
        return programs[id(study)]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(channel_pilot, "program", compiled_once)
        patch.setattr(classification_data, "load", lambda *_, **__: patterns())
        yield


@pytest.fixture(scope="module")
def study(without_files, quick_compilation):
    return build(searching(*SMALL))


@pytest.fixture(scope="module")
def whole(study, tmp_path_factory):
    place, told = RunDirectory.create(tmp_path_factory.mktemp("whole") / "search"), []
    return place, run_search(study, place, told.append), told


def test_a_search_writes_what_it_tried(study, whole):
    place, chosen, told = whole
    rows = read_pilot(place)
    epochs = {mask: sum(row.mask == mask for row in rows) for mask in sorted({row.mask for row in rows})}
    assert set(epochs) == {study.space.label(mask) for mask in study.space.all()}
    assert len(epochs) == 9  # no layer without any channel
    assert sorted(epochs.values()) == [1] * 4 + [2] * 5
    assert epochs[chosen.name] == 2
    last = {row.mask: row.held_out_error for row in rows if row.epoch == 2}
    assert last[chosen.name] == min(last[mask] for mask in last if place.summary["masks"][mask]["epochs"] == 2)
    assert place.summary["epochs"] == told[-1].done == len(rows)
    assert place.summary["masks"][chosen.name]["held_out_error"] == pytest.approx(last[chosen.name])
    lead = place.summary["margin"]
    assert (lead["length"], lead["networks"], lead["broken"]) == (2, 1, 0)
    assert lead["difference"]["mean"] == pytest.approx((last[chosen.name] - last[lead["other"]]) / last[lead["other"]])
    assert lead["words"].startswith(f"{chosen.name} against {lead['other']}, the best of those run as far: ")
    assert "error over 2 epochs of 1 pilot network" in lead["words"]
    assert (place.figures / "search.png").stat().st_size > 10_000
    assert place.meta["finished"] >= place.meta["started"]


@pytest.mark.parametrize("calls", [2, pytest.param(11, marks=pytest.mark.slow)])
def test_a_killed_search_goes_on_to_the_same_end(study, whole, tmp_path, calls):
    place, heard = RunDirectory.create(tmp_path / "search"), []

    def kill(now):
        heard.append(now)
        if len(heard) == calls:
            raise Killed

    with pytest.raises(Killed):
        run_search(study, place, kill)
    after = []
    run_search(study, place, after.append, resume=True)
    assert len(heard) + len(after) == len(whole[2])  # nothing is learned again
    for file in ("pilot.csv", "allocation.toml"):
        assert filecmp.cmp(place.path / file, whole[0].path / file, shallow=False)
    assert len(place.meta["resumptions"]) == 1


class Landscape:
    """What is to be small is the number of digits in which a mask differs from the best."""

    def __init__(self, best):
        self.best = best

    def score(self, masks, problems):
        return np.array([sum(a != b for a, b in zip(mask, self.best, strict=True)) + 1 / problems for mask in masks])

    def tried(self):
        return {}

    def margin(self, chosen):
        return None


@pytest.mark.parametrize("name", ["exhaustive", "halving", "random", "evolution"])
def test_the_known_best_is_found_and_a_run_takes_it(study, tmp_path, monkeypatch, name):
    best = (False, True, True, False)
    monkeypatch.setattr(channel_pilot.ChannelStudy, "pilot", lambda study, *_: Landscape(best))
    settings = {"random": ["search.candidates=99"], "evolution": ["search.generations=8"]}.get(name, [])
    config = searching(f'search.name="{name}"', *settings, *SMALL[2:])
    place = RunDirectory.create(tmp_path / "search")
    chosen = run_search(
        replace(study, config=config, search=component(SEARCHES, config.search, "search")), place, lambda now: None
    )
    assert chosen.name == "0110"
    file = place.path / "allocation.toml"
    run = configured(f'conditions.searched="{file}"')
    assert run.condition("searched").layers == {"hidden1": ["sbp"], "output": ["stbp"]}
    assert set(run.condition("searched").channels) == {"sbp", "stbp"}
    file.unlink()  # the run has its own copy, with which it goes on
    again = resolve(to_table(run), [], ClassificationSettings, complete_run)
    assert again == run


def test_the_networks_of_a_searched_condition_have_no_absent_projections():
    layers = '{hidden1=["sbp", "hebbian"], output=["stbp"]}'
    grid = build_run(configured(f'conditions={{X={{channels=["stbp", "hebbian", "sbp"], layers={layers}}}}}'))
    assert set(grid.groups[0].start.model.network.projections) == {"hidden1-sbp", "hidden1-hebbian", "output-stbp"}


MASKS = ("001110", "110001")
"""Of hidden1 and output: stbp, hebbian, sbp each."""


@pytest.mark.slow
def test_what_is_absent_does_nothing_and_never_learns(tmp_path):
    """Under a mask all is as in a network that does not have the projections at all, and these stay at zero."""
    config = searching("pilot.seeds=1", "search.problems=1", "channels.hebbian.strength=0.5")
    study = build(config)
    masks = [tuple(digit == "1" for digit in mask) for mask in MASKS]
    pilot = ChannelPilot(study, RunDirectory.create(tmp_path / "search"), lambda now: None)
    scores = pilot.score(masks, 2)
    conditions = {
        label: msgspec.convert(study.found(mask)["condition"], Condition)
        for label, mask in zip(MASKS, masks, strict=True)
    }
    keys = jnp.stack([jax.random.fold_in(jax.random.key(0), PILOT)])
    own = msgspec.structs.replace(
        config, conditions=conditions, training=msgspec.structs.replace(config.training, seeds=1)
    )
    grid = grid_of(own, study.grid.data, keys)
    for group, score in zip(grid.groups, scores, strict=True):
        program, learned = compile_epoch(grid, group), group.start
        for epoch in range(2):
            learned, measured = program.run(learned, epoch)
        assert 1 - float(measured.test.accuracy[0]) == pytest.approx(score, abs=1e-6)
        model = pilot.model(Lane(group.condition, 0))
        present = set(learned.model.network.projections)
        moved = 0
        for name, projection in model.network.projections.items():
            if name not in present:
                assert not projection.weight.any(), name
                assert model.strength[name] == 0
                continue
            ours = learned.model.network.projections[name].weight[0]
            np.testing.assert_allclose(projection.weight, ours, rtol=1e-4, atol=1e-6)
            np.testing.assert_allclose(model.strength[name], learned.model.strength[name][0], rtol=1e-4)
            moved += bool((ours != group.start.model.network.projections[name].weight[0]).any())
        assert moved > 0
        for name, population in learned.model.network.populations.items():
            if population.bias is not None:
                bias = model.network.populations[name].bias
                np.testing.assert_allclose(bias, population.bias[0], rtol=1e-4, atol=1e-6)
                assert (bias != group.start.model.network.populations[name].bias[0]).any() or name == "hidden1"


def test_the_pilot_never_sees_the_test_examples(study):
    data = study.grid.data
    whole = patterns()
    rows = lambda images: {bytes(np.asarray(image)) for image in images}  # noqa: E731
    stored = rows(np.round(whole.train.inputs * 255).astype(np.uint8))
    learned, held_out = rows(data.train.images), rows(data.test.images)
    assert learned | held_out == stored
    assert not learned & held_out
    assert len(held_out) == 12


def test_a_mask_without_a_layer_is_worth_nothing(study, tmp_path):
    pilot = ChannelPilot(study, RunDirectory.create(tmp_path / "search"), lambda now: None)
    assert pilot.score([(False, False, True, True)], 1).tolist() == [np.inf]
    with pytest.raises(ValueError, match=r"mask 0011 .* must have one of hidden1\.stbp, hidden1\.sbp"):
        study.space.allocation((False, False, True, True))


@pytest.mark.parametrize("objective", ["loss", "error"])
def test_a_mask_under_which_a_network_breaks_is_worth_nothing(study, tmp_path, objective):
    config = msgspec.structs.replace(
        study.config, pilot=msgspec.structs.replace(study.config.pilot, objective=objective)
    )
    study = replace(study, config=config)
    place, masks = RunDirectory.create(tmp_path / "search"), study.space.all()[:2]
    pilot = study.pilot(place, lambda now: None)
    for mask, loss in zip(masks, (float("nan"), 0.5), strict=True):
        lane = Lane(study.space.label(mask), pilot.seeds[0])
        pilot._rows[lane] = [PilotRow(*lane, 1, loss, loss, 0.1)]
    assert pilot.score(masks, 1).tolist() == [np.inf, 0.1 if objective == "error" else 0.5]
    labels = [study.space.label(mask) for mask in masks]
    lead = pilot.margin(labels[1])
    assert lead is not None
    assert (lead.other, lead.difference, lead.broken, lead.broken_other) == (labels[0], None, 0, 1)
    pilot.draw(labels[1])


def test_a_channel_that_settles_by_itself_is_everywhere_or_nowhere():
    study = build(searching("channels.sbp.warm=false", *SMALL))
    assert study.projections["sbp"] == ("hidden1-sbp", "output-sbp")
    assert len(study.space.all()) == 5  # without it stbp in both layers, with it any
    with pytest.raises(ValueError, match="sbp settles by itself and needs all layers; it is absent in output"):
        build_run(configured("channels.sbp.warm=false", 'conditions={X={channels=["sbp"], readout=["stbp"]}}'))


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("search.name=relaxed", "relaxed gates learning rates, not channels"),
        ("search.name=guess", "search.name is 'guess'"),
        ("search.first=0", "search: first is 0; give 1 or more"),
        ('search={name="preset", mask="001110110"}', "search.mask is '001110110'; give one 0 or 1 for each"),
        ('search={name="preset", mask="000111"}', "mask 000111 of .* must have one of"),
        ('pilot.channels=["hebb"]', "pilot.channels: no channel 'hebb'; there are: stbp"),
        ('pilot.channels=["sbp", "sbp"]', "each once"),
        ("pilot.train=50", "pilot.train is 50; pilot.held_out leaves 48 of 60"),
        ("pilot.held_out=0.9", "training.batch is 10; pilot networks learn 6 examples"),
        ("search.problemz=3", "unknown key 'search.problemz'"),
    ],
)
def test_a_search_that_does_not_fit_is_refused(setting, words):
    with pytest.raises(ValueError, match=words):
        build(searching(setting))


def test_without_conditions_there_is_no_channel_to_choose_from():
    with pytest.raises(ValueError, match=r"pilot.channels is \[\]; name at least one channel"):
        build(searching("conditions={}", "pilot.channels=[]"))


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        (
            '{channels=["stbp"], layers={hidden2=["sbp"]}}',
            r"conditions\.X\.layers: no layer 'hidden2'; there are: hidden1",
        ),
        ('{channels=["stbp"], layers={output=[]}}', r"conditions\.X\.layers\.output is empty"),
        ('{channels=["stbp"], layers={output=["hebb"]}}', r"conditions\.X: no channel 'hebb'"),
    ],
)
def test_channels_of_single_layers_that_do_not_fit_are_refused(condition, words):
    with pytest.raises(ValueError, match=words):
        build_run(configured(f"conditions={{X={condition}}}"))


def test_a_file_that_no_search_wrote_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"conditions\.X: no file .*`metaplast search` writes"):
        configured(f'conditions.X="{tmp_path / "none.toml"}"')
    path = tmp_path / "family.toml"
    path.write_text('patterns = ["*.weight"]\n')
    with pytest.raises(ValueError, match=r"has no table `condition`; give a file .* on a classification experiment"):
        configured(f'conditions.X="{path}"')
    path.write_text('[condition]\nchannels = ["stbb"]\n')
    with pytest.raises(ValueError, match="no channel 'stbb'"):
        configured(f'conditions.X="{path}"')
