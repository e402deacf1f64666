"""Axonal delays as something that may learn: in conditions, in searches, and of some neurons only."""

import numpy as np
import pytest

from metaplast.config import component
from metaplast.experiments.learning_to_learn.configuration import configuration
from metaplast.experiments.learning_to_learn.experiment import Chunks, build
from metaplast.experiments.learning_to_learn.settings import CONDITIONS, WEIGHTS
from metaplast.experiments.search.configuration import search_configuration
from metaplast.experiments.search.masks import build as build_search
from metaplast.experiments.search.session import run_search
from metaplast.experiments.search.settings import INTRINSIC_GROUPS
from metaplast.experiments.structure import structure
from metaplast.params import places
from metaplast.runs import RunDirectory
from metaplast.tasks import FAMILIES

DELAYS = "*.delay"

AXONS = "model.longest_delay=100"
RATE = 'learning.rates={"*.delay"=0.5}'
SMALL = ("preset=smoke", "model.neurons=16", "criterion.loss_below=0.001", "criterion.window=2", "criterion.limit=4")


def as_toml(conditions: dict[str, list[str]]) -> str:
    return "{" + ", ".join(f"{name}={patterns}" for name, patterns in conditions.items()) + "}"


def delays(model) -> np.ndarray:
    return np.asarray(model.network.populations["axons"].neuron.delay)


@pytest.mark.parametrize("family", ["dms", "cd-dms", "gng-dr-2", "gng-dr-4", "gng-dr-8"])
def test_a_preset_has_axons_whose_delays_learn_beside_the_weights_and_beside_everything(family):
    config = configuration(family, ["preset=axons"])
    everything = [*CONDITIONS["spiking"]["intrinsic"], DELAYS]
    assert config.conditions == CONDITIONS["spiking"] | {"delays": [*WEIGHTS, DELAYS], "all": everything}
    assert (config.model.longest_delay, config.learning.rates) == (100.0, {DELAYS: 0.05})
    groups = search_configuration(family, ["preset=axons", f'pilot.groups.delay=["{DELAYS}"]']).pilot.groups
    assert groups == INTRINSIC_GROUPS | {"delay": [DELAYS]}
    places(structure(config.model, component(FAMILIES, config.family, "family")), tuple(everything))


def test_delays_of_some_neurons_learn_beside_conditions_in_which_none_and_all_do(quick_compilation):
    conditions = {"fixed": WEIGHTS, "delays": [*WEIGHTS, DELAYS], "half": [*WEIGHTS, "*.delay[:8]"]}
    study = build(
        configuration(
            "dms", [*SMALL, AXONS, RATE, f"conditions={as_toml(conditions)}", "run.problems=2", "run.chunk=2"]
        )
    )
    ((_, state, _),) = Chunks(study).run(study.start, 0)
    first = np.arange(16) < 8
    learns = {"fixed": 0 * first, "delays": 1 + 0 * first, "half": first}
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
    words = r"'\*\.delay' matches no parameter.*; delays need axons: --set model\.longest_delay=100"
    with pytest.raises(ValueError, match=r"conditions\.delays: .*" + words):
        build(configuration("dms", [*SMALL, 'conditions={delays=["*.weight", "*.delay"]}']))
    with pytest.raises(ValueError, match=r"learning\.rates: .*" + words):
        build(configuration("dms", [*SMALL, RATE]))
    with pytest.raises(ValueError, match=words):
        build_search(search_configuration("dms", [*SMALL, f'pilot.groups.delay=["{DELAYS}"]']))


def test_two_groups_that_are_the_same_are_refused():
    settings = [*SMALL, AXONS, 'pilot.groups={a=["*.delay"], b=["*.delay[:8]"], c=["*axons.neuron.delay"]}']
    with pytest.raises(ValueError, match=r"pilot\.groups\.c and pilot\.groups\.a name the same; leave one"):
        build_search(search_configuration("dms", settings))
