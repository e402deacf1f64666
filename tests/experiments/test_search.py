"""A search on pilot problems writes what it tried and an allocation that a run takes, also after having been killed."""

import filecmp
import shutil
import tomllib

import jax
import numpy as np
import pytest
import tomli_w

from metaplast.config import component, to_table
from metaplast.experiments.learning_to_learn.configuration import configuration
from metaplast.experiments.learning_to_learn.experiment import Lane
from metaplast.experiments.search.configuration import search_configuration
from metaplast.experiments.search.gates import Gates, gate_of_parameter
from metaplast.experiments.search.masks import PilotLanes, build
from metaplast.experiments.search.session import run_search
from metaplast.experiments.search.settings import PilotSettings
from metaplast.experiments.structure import structure
from metaplast.params import parameter_paths
from metaplast.runs import RunDirectory
from metaplast.tasks import FAMILIES

SMALL = [
    "preset=smoke",
    "model.neurons=16",
    "criterion.limit=6",
    "pilot.seeds=2",
    "pilot.chunk=2",
    "search.first=2",
    "search.problems=4",
    'pilot.groups={taus=["*.tau_*"], threshold=["*.threshold"]}',
]


class Killed(Exception):
    """What a killed search is in these tests."""


def searched(directory, told=lambda now: None, resume: bool = False):
    return run_search(build(search_configuration("dms", SMALL)), directory, told, resume=resume)


@pytest.fixture(scope="module")
def whole(quick_compilation, tmp_path_factory):
    """An uninterrupted race of four masks: only to be read."""
    place, told = RunDirectory.create(tmp_path_factory.mktemp("whole") / "search"), []
    return place, searched(place, told.append), told


def test_a_search_writes_what_it_tried(whole):
    place, chosen, told = whole
    table = place.problems()
    problems = {mask: int((table.condition == mask).sum()) for mask in table.conditions()}
    assert sorted(problems.values()) == [4, 4, 8, 8]  # two seeds each, two masks dropped halfway
    assert problems[chosen.name] == 8
    summary = place.summary
    assert summary["chosen"] == chosen.name
    assert summary["updates"] == table.updates.sum() == told[-1].updates
    assert {mask: tried["problems"] for mask, tried in summary["masks"].items()} == problems
    lead = summary["margin"]
    assert (problems[lead["other"]], lead["length"], lead["networks"]) == (8, 4, 2)
    spent = {mask: table.updates[table.condition == mask].sum() for mask in (chosen.name, lead["other"])}
    assert lead["difference"]["mean"] == pytest.approx(spent[chosen.name] / spent[lead["other"]] - 1)
    assert (place.figures / "search.png").stat().st_size > 10_000


def test_an_unsolved_problem_counts_the_limit_in_the_score_and_what_was_spent_in_the_budget(whole, tmp_path):
    """As if the loss of the first problem of each network had been no number after one update."""
    place = RunDirectory.open(shutil.copytree(whole[0].path, tmp_path / "search"))
    rows = [r._replace(updates=1, solved=False) if r.problem == 0 else r for r in place._rows()]
    place.truncate_problems(lambda row: False)
    place.append_problems(rows)
    pilot = PilotLanes(build(search_configuration("dms", SMALL)), place, lambda now: None)
    mask = (True, True)
    costs = [row.updates if row.solved else 6 for row in rows if row.condition == "11" and row.problem < 2]
    assert pilot.score([mask], 2) == pytest.approx(np.mean(costs))
    assert pilot.tried()["11"]["updates"] == sum(row.updates for row in rows if row.condition == "11")


@pytest.mark.parametrize("group", ["*.weight", "*readout.weight"])
def test_a_group_that_learns_under_every_mask_is_refused(group):
    words = r"pilot\.groups\.a = .* names only what pilot\.always = .*; give a pilot\.always without it"
    with pytest.raises(ValueError, match=words) as found:
        build(search_configuration("dms", [*SMALL[:2], f'pilot.groups={{a=["{group}"]}}']))
    assert "\n" not in str(found.value)
    build(search_configuration("dms", [*SMALL[:2], f'pilot.groups={{a=["{group}"]}}', 'pilot.always=["*.bias"]']))


def test_a_run_takes_the_allocation_and_keeps_its_own_copy(whole):
    place, chosen, _ = whole
    path = place.path / "allocation.toml"
    written = tomllib.loads(path.read_text())
    assert tuple(written["patterns"]) == chosen.patterns
    config = configuration("dms", [f'conditions={{chosen="{path}"}}'])
    assert config.conditions == {"chosen": list(chosen.patterns)}


def test_a_search_in_which_nothing_was_solved_says_so(whole, tmp_path):
    """The tie of masks that all failed is no choice."""
    place = RunDirectory.open(shutil.copytree(whole[0].path, tmp_path / "search"))
    summary = place.summary
    assert sum(tried["solved"] for tried in summary["masks"].values()) == place.problems().solved.sum()
    rows = [row._replace(solved=False) for row in place._rows()]
    place.truncate_problems(lambda row: False)
    place.append_problems(rows)
    searched(place, resume=True)
    assert place.summary["doubt"].startswith("no pilot problem was solved under any mask")


def test_pilot_networks_and_problems_are_not_those_of_a_run(whole):
    place, _, _ = whole
    pilot = PilotLanes(build(search_configuration("dms", SMALL)), place, lambda now: None)
    assert pilot.updates  # found on disk
    from metaplast.experiments import build as build_study

    study = build_study(configuration("dms", ["preset=smoke", "model.neurons=16"]))
    first = pilot._start(next(iter(pilot.updates))).model
    assert not (
        first.network.projections["input"].weight == study.start.model.network.projections["input"].weight[0]
    ).any()


@pytest.mark.parametrize("calls", [1, pytest.param(3, marks=pytest.mark.slow)])
def test_a_killed_search_goes_on_to_the_same_end(whole, tmp_path, calls):
    place = RunDirectory.create(tmp_path / "search")
    heard = []

    def kill(now):
        heard.append(now)
        if len(heard) == calls:
            raise Killed

    with pytest.raises(Killed):
        searched(place, kill)
    searched(place, resume=True)
    reference = whole[0]
    ours, theirs = (
        sorted(directory.path.joinpath("problems.csv").read_text().splitlines()) for directory in (place, reference)
    )
    assert ours == theirs
    assert filecmp.cmp(place.path / "allocation.toml", reference.path / "allocation.toml", shallow=False)


def test_a_file_that_is_no_allocation_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"conditions\.chosen: no file .*`metaplast search` writes"):
        configuration("dms", [f'conditions.chosen="{tmp_path / "none.toml"}"'])
    path = tmp_path / "other.toml"
    path.write_text("name = 1\n")
    with pytest.raises(ValueError, match="has no list `patterns`; give a file of `metaplast search`"):
        configuration("dms", [f'conditions.chosen="{path}"'])


SMOOTH = [
    "model.name=rate",
    "model.neurons=16",
    "criterion.limit=6",
    "learning.rate=3e-3",
    "pilot.updates=4",
    "pilot.chunk=1",
    'pilot.always=["*readout.weight"]',
]
"""Rates instead of spikes: only there are differences of the loss its derivative."""


@pytest.mark.slow
@pytest.mark.parametrize("within", ["*recurrent.weight", "*recurrent.weight[:12]"])
def test_the_slope_of_the_gates_is_that_of_the_loss(tmp_path, within):
    """Against differences of the loss itself, through all updates of Adam."""
    groups = f'pilot.groups={{inward=["*input.weight"], within=["{within}"]}}'
    study = build(search_configuration("dms", [*SMOOTH, groups]))
    pilot = PilotLanes(study, RunDirectory.create(tmp_path / "search"), lambda now: None)
    gates = np.array([0.6, 0.4])
    found = pilot.slope(1)(gates, 0)
    lane = Lane("11", pilot.seeds[0])
    key = jax.random.fold_in(pilot._key(lane), 2)
    loss = jax.jit(
        Gates(study.config, study.family, pilot._rates(lane), gate_of_parameter(study.space, pilot._model)).loss
    )
    at = lambda gates: float(loss(gates, pilot._states[lane], key))  # noqa: E731
    differences = np.array([at(gates + step) - at(gates - step) for step in 0.2 * np.eye(2)]) / 0.4
    assert np.abs(differences).min() > 1e-5
    np.testing.assert_allclose(found, differences, rtol=0.05)


def test_the_smoke_preset_makes_a_search_small_and_what_is_said_wins(tmp_path):
    small = search_configuration("cd-dms", ["preset=smoke"])
    assert (small.search["problems"], small.search["first"]) == (2, 1)
    assert (small.pilot.seeds, small.pilot.chunk) == (1, 1)
    said = search_configuration("cd-dms", ["search.problems=7", "preset=smoke"])
    assert (said.search["problems"], said.pilot.seeds) == (7, 1)
    other = search_configuration("cd-dms", ["preset=smoke", "preset=tight"])
    assert other == search_configuration("cd-dms", ["preset=tight"])
    assert other.pilot.seeds == PilotSettings().seeds
    path = tmp_path / "own.toml"
    path.write_text(
        '[family]\nname = "delayed-match"\n[search]\nname = "random"\n[presets.smoke.pilot]\nseeds = 3\n', "utf-8"
    )
    own = search_configuration(str(path), ["preset=smoke"])
    assert (own.search, own.pilot.seeds) == (search_configuration(str(path)).search, 3)
    path.write_text(tomli_w.dumps(to_table(search_configuration("cd-dms", ["preset=smoke", "pilot.seeds=4"]))))
    assert search_configuration(str(path)).pilot.seeds == 4  # as a search that goes on reads it
    path.write_text('presets = {}\n[family]\nname = "delayed-match"\n')
    with pytest.raises(ValueError, match="preset 'smoke' does not exist"):
        search_configuration(str(path), ["preset=smoke"])


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("criterion.window=601", "criterion.window is 601 and criterion.limit 600"),
        ("learning.rates.x=1e-3", "pattern 'x' matches no parameter"),
    ],
)
def test_a_search_is_refused_before_it_begins(setting, words):
    with pytest.raises(ValueError, match=words):
        build(search_configuration("dms", ["preset=smoke", setting]))


@pytest.mark.parametrize("name", ["spiking", "rate", "gru", "self-attention"])
def test_the_structure_of_a_network_is_that_of_one_that_was_drawn(name):
    config = configuration("dms", [f"model.name={name}", "model.neurons=8"])
    family = component(FAMILIES, config.family, "family")
    drawn, shape = config.model.build(jax.random.key(0), family), structure(config.model, family)
    assert parameter_paths(shape) == parameter_paths(drawn)
    assert jax.tree.structure(shape) == jax.tree.structure(drawn)
    assert [np.shape(leaf) for leaf in jax.tree.leaves(shape)] == [np.shape(leaf) for leaf in jax.tree.leaves(drawn)]
