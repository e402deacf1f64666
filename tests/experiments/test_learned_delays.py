"""Axonal delays as something that may learn: in conditions, in searches, and of some neurons only."""

import numpy as np
import pytest

from metaplast.experiments.learning_to_learn.configuration import configuration
from metaplast.experiments.learning_to_learn.experiment import Chunks, build
from metaplast.experiments.learning_to_learn.settings import CONDITIONS, DELAYS, WEIGHTS
from metaplast.experiments.search.configuration import search_configuration
from metaplast.experiments.search.masks import build as build_search
from metaplast.experiments.search.session import run_search
from metaplast.experiments.search.settings import INTRINSIC_GROUPS
from metaplast.runs import RunDirectory

AXONS = "model.longest_delay=100"
RATE = 'learning.rates={"*.delay"=0.5}'
SMALL = ("preset=smoke", "model.neurons=16", "criterion.loss_below=0.001", "criterion.window=2", "criterion.limit=4")


def delays(model) -> np.ndarray:
    return np.asarray(model.network.populations["axons"].neuron.delay)


def test_a_network_with_axons_has_a_condition_in_which_their_delays_learn():
    with_axons = CONDITIONS["spiking"] | {"delays": [*WEIGHTS, DELAYS]}
    assert configuration("dms", [AXONS]).conditions == with_axons
    assert configuration("dms").conditions == CONDITIONS["spiking"]
    assert configuration("dms", [AXONS, "model.longest_delay=0"]).conditions == CONDITIONS["spiking"]
    assert configuration("dms", [AXONS, "model.name=gru"]).conditions == CONDITIONS["gru"]
    assert configuration("dms", [AXONS, 'conditions={a=["*.weight"]}']).conditions == {"a": ["*.weight"]}


def test_a_search_with_axons_has_a_group_of_their_delays():
    assert search_configuration("dms", [AXONS]).pilot.groups == INTRINSIC_GROUPS | {"delay": [DELAYS]}
    assert search_configuration("dms").pilot.groups == INTRINSIC_GROUPS
    assert search_configuration("dms", [AXONS, "model.longest_delay=0"]).pilot.groups == INTRINSIC_GROUPS
    more = search_configuration("dms", [AXONS, 'pilot.groups.input=["*input.weight"]']).pilot.groups
    assert list(more) == [*INTRINSIC_GROUPS, "delay", "input"]
    assert search_configuration("dms").pilot.groups == INTRINSIC_GROUPS  # that of one search is not that of all


def test_delays_of_some_neurons_learn_beside_conditions_in_which_none_and_all_do(quick_compilation):
    half = 'conditions.half=["*.weight", "*.bias", "*.delay[:8]"]'
    study = build(configuration("dms", [*SMALL, AXONS, RATE, half, "run.problems=2", "run.chunk=2"]))
    ((_, state, _),) = Chunks(study).run(study.start, 0)
    first = np.arange(16) < 8
    learns = {"fixed": 0 * first, "intrinsic": 0 * first, "delays": 1 + 0 * first, "half": first}
    assert [lane.condition for lane in study.lanes] == list(learns)
    for lane, before, after in zip(study.lanes, delays(study.start.model), delays(state.model), strict=True):
        allowed = learns[lane.condition].astype(bool)
        assert np.array_equal(before[~allowed], after[~allowed]), lane
        assert (before[allowed] != after[allowed]).any() == allowed.any(), lane
        assert 0 <= after.min() <= after.max() <= 10


def test_a_search_says_whether_delays_should_learn_and_a_run_takes_it(quick_compilation, tmp_path):
    few = ("pilot.seeds=1", "pilot.chunk=2", "search.name=exhaustive", "search.problems=2")
    study = build_search(
        search_configuration("dms", [*SMALL, *few, AXONS, RATE, f'pilot.groups={{delay=["{DELAYS}"]}}'])
    )
    place = RunDirectory.create(tmp_path / "search")
    chosen = run_search(study, place, lambda now: None)
    pilot = study.pilot(place, lambda now: None)
    moved = {
        lane.condition: (delays(state.model) != delays(pilot._start(lane).model)).any()
        for lane, state in pilot._states.items()
    }
    assert moved == {"0": False, "1": True}
    config = configuration("dms", [AXONS, f'conditions={{chosen="{place.path / "allocation.toml"}"}}'])
    assert config.conditions == {"chosen": list(chosen.patterns)}


def test_delays_that_no_network_has_are_refused():
    with pytest.raises(ValueError, match=r"'\*\.delay' matches no parameter"):
        build(configuration("dms", [*SMALL, 'conditions={delays=["*.weight", "*.delay"]}']))
