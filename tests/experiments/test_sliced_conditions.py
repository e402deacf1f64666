"""Conditions, groups of searches and rates that name some neurons only, from the settings to what was learned."""

import re
import tomllib

import jax
import numpy as np
import pytest

from metaplast.experiments.learning_to_learn.configuration import configuration
from metaplast.experiments.learning_to_learn.experiment import Chunks, build, twins
from metaplast.experiments.search.configuration import search_configuration
from metaplast.experiments.search.gates import OPEN, Gates, gate_of_parameter
from metaplast.experiments.search.masks import build as build_search
from metaplast.experiments.search.session import run_search
from metaplast.runs import RunDirectory

SMALL = (
    "preset=smoke",
    "model.neurons=16",
    "criterion.loss_below=0.001",
    "criterion.window=2",
    "criterion.limit=4",
    "run.problems=2",
    "run.seeds=2",
    "run.chunk=2",
    'conditions={plain=["*.weight", "*.bias"], all=["*.weight", "*.bias", "*.threshold"]}',
    'conditions.half=["*.weight", "*.bias", "*.threshold[:8]"]',
    'conditions.both=["*.weight", "*.bias", "*.threshold[::2]", "*.threshold[1::2]"]',
)
GROUPS = (
    "preset=smoke",
    "model.neurons=16",
    "criterion.window=2",
    "criterion.limit=4",
    "pilot.seeds=1",
    "pilot.chunk=2",
    "search.problems=2",
    'pilot.groups={low=["*.threshold[:8]"], high=["*.threshold[8:]"]}',
)


def thresholds(model) -> np.ndarray:
    return np.asarray(model.network.populations["recurrent"].neuron.threshold)


@pytest.fixture(scope="module")
def learned(quick_compilation):
    """A study of conditions with and without slices, and its networks at the end."""
    study = build(configuration("dms", SMALL))
    ((_, state, _),) = Chunks(study).run(study.start, 0)
    return study, state


def test_conditions_side_by_side_learn_what_they_name(learned):
    study, state = learned
    moved = thresholds(state.model) != thresholds(study.start.model)
    first = np.arange(16) < 8
    for lane, changed in zip(study.lanes, moved, strict=True):
        allowed = {"plain": 0 * first, "half": first}.get(lane.condition, np.ones(16))
        assert not changed[~allowed.astype(bool)].any(), lane
        assert changed.any() == (lane.condition != "plain"), lane


def test_slices_that_make_up_the_whole_are_its_twin(learned):
    study, _ = learned
    names = [(lane.condition, lane.seed) for lane in study.lanes]
    assert [names[first] for first in twins(study)] == [
        ("all" if name == "both" else name, seed) for name, seed in names
    ]


def test_what_no_slice_names_has_one_rate_a_lane(learned):
    study, _ = learned
    neuron = study.learner.rates.network.populations["recurrent"].neuron
    assert neuron.threshold.shape == (8, 16)
    assert study.learner.rates.network.projections["recurrent"].weight.shape == (8,)


def test_rates_of_some_neurons(quick_compilation):
    settings = [*SMALL[:8], "run.seeds=1", 'conditions={all=["*.weight", "*.threshold"]}']
    study = build(configuration("dms", [*settings, "learning.rates.*.threshold[4:]=0.0"]))
    ((_, state, _),) = Chunks(study).run(study.start, 0)
    moved = (thresholds(state.model) != thresholds(study.start.model))[0]
    assert moved[:4].any()
    assert not moved[4:].any()


@pytest.mark.parametrize("setting", ['conditions.far=["*.threshold[:99]"]', "learning.rates.*.threshold[:99]=0.1"])
def test_a_slice_beyond_the_neurons_is_refused_before_anything_is_learned(setting):
    words = r"pattern '\*\.threshold\[:99\]' goes beyond the 16 neurons of network\.populations\.recurrent\.neuron\.thr"
    with pytest.raises(ValueError, match=words):
        build(configuration("dms", [*SMALL, setting]))


def test_lanes_are_not_taken_for_neurons():
    """A parameter that all neurons share has no neurons, however many lanes there are."""
    with pytest.raises(ValueError, match=r"resistance is one number for all neurons and has no slices"):
        build(configuration("dms", [*SMALL, 'conditions.far=["*.resistance[:2]"]']))


def test_values_of_another_run_are_taken_over_whole():
    words = re.escape("pattern '*.threshold[:8]' names some neurons only, but start.parameters takes over whole")
    with pytest.raises(ValueError, match=words):
        configuration("dms", ['start.parameters=["*.threshold[:8]"]'])


@pytest.mark.parametrize("name", ["exhaustive", "halving"])
def test_a_search_chooses_among_slices_and_a_run_takes_what_it_chose(quick_compilation, tmp_path, name):
    study = build_search(search_configuration("dms", [*GROUPS, f"search.name={name}"]))
    place = RunDirectory.create(tmp_path / "search")
    chosen = run_search(study, place, lambda now: None)
    assert set(place.problems().conditions()) == {"00", "01", "10", "11"}
    first = np.arange(16) < 8
    pilot = study.pilot(place, lambda now: None)
    for lane, state in pilot._states.items():
        moved = thresholds(state.model) != thresholds(pilot._start(lane).model)
        low, high = (digit == "1" for digit in lane.condition)
        assert (moved[first].any(), moved[~first].any()) == (low, high), lane
    written = tomllib.loads((place.path / "allocation.toml").read_text())
    assert tuple(written["patterns"]) == chosen.patterns
    config = configuration("dms", [f'conditions={{chosen="{place.path / "allocation.toml"}"}}'])
    assert config.conditions == {"chosen": list(chosen.patterns)}


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ('pilot.groups.far=["*.threshold[16:]"]', "names none of the 16 neurons of .*threshold"),
        ('pilot.groups.far=["*readout.weight[:2]"]', "names only what pilot.always"),
        ("learning.rates.*.threshold[:17]=0.1", "goes beyond the 16 neurons of .*threshold"),
    ],
)
def test_a_search_among_slices_that_do_not_fit_is_refused(setting, words):
    with pytest.raises(ValueError, match=words) as found:
        build_search(search_configuration("dms", [*GROUPS, setting]))
    assert "\n" not in str(found.value)


def test_a_group_that_goes_beyond_what_always_learns_is_taken():
    build_search(search_configuration("dms", [*GROUPS, 'pilot.always=["*.weight", "*.threshold[:7]"]']))


def test_a_gate_acts_on_the_neurons_of_its_group():
    study = build_search(search_configuration("dms", [*GROUPS, 'pilot.always=["*.weight", "*.threshold[-1:]"]']))
    gate_of = gate_of_parameter(study.space, study.template)
    name = "network.populations.recurrent.neuron.threshold"
    np.testing.assert_array_equal(gate_of[name], [0] * 8 + [1] * 7 + [OPEN])
    rates = jax.tree.map(lambda leaf: np.ones(leaf.shape[-1:]), study.template)
    gated = Gates(study.config, study.family, rates, gate_of)._gated(np.array([0.5, 0.25]))
    np.testing.assert_array_equal(thresholds(gated), [0.5] * 8 + [0.25] * 7 + [1.0])
    np.testing.assert_array_equal(gated.network.projections["readout"].weight, np.ones(3))
