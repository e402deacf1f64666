"""Control conditions: networks that start with learned values, and random masks."""

import shutil

import numpy as np
import pytest

from metaplast.experiments import build, configuration, run
from metaplast.experiments.learning_to_learn.settings import INTRINSIC, WEIGHTS
from metaplast.runs import RunDirectory, network_name

SMALL = ["preset=smoke", "model.neurons=12", "criterion.limit=4", "criterion.window=3", "run.problems=2", "run.seeds=2"]
CELLS = "network.populations.recurrent.neuron."
WEIGHT = "network.projections.recurrent.weight"


@pytest.fixture(scope="module")
def tuned(tmp_path_factory) -> RunDirectory:
    """A run whose intrinsic properties have moved."""
    place = RunDirectory.create(tmp_path_factory.mktemp("tuned") / "run")
    run(build(configuration("dms", SMALL)), place, lambda _: None)
    return place


def held(tuned, *settings):
    own = 'conditions={tuned=["*.weight", "*.bias"]}'
    return configuration("cd-dms", [*SMALL, own, f'start.run="{tuned.path}"', *settings])


def test_values_are_taken_over_seed_by_seed_and_held(tuned, tmp_path):
    """What is taken over stays to the last bit; weights are drawn afresh and learn."""
    place = RunDirectory.create(tmp_path / "run")
    run(build(held(tuned)), place, lambda _: None)
    for seed in (0, 1):
        given = tuned.read_arrays(network_name("intrinsic", seed, "end"))
        start, end = (place.read_arrays(network_name("tuned", seed, when)) for when in ("start", "end"))
        for name in ("tau_dendrite", "tau_soma", "threshold"):
            np.testing.assert_array_equal(start[CELLS + name], given[CELLS + name])
            np.testing.assert_array_equal(end[CELLS + name], given[CELLS + name])
        assert not np.array_equal(start[WEIGHT], given[WEIGHT])
        assert not np.array_equal(start[WEIGHT], end[WEIGHT])


@pytest.mark.slow
def test_a_run_that_has_begun_needs_the_other_no_more(tuned, tmp_path):
    copy, place = tmp_path / "copy", RunDirectory.create(tmp_path / "run")
    shutil.copytree(tuned.path, copy)
    config = held(RunDirectory.open(copy))
    run(build(config), place, lambda _: None)
    shutil.rmtree(copy)
    again = build(config, place).start.model.network.populations["recurrent"].neuron.threshold
    saved = [place.read_arrays(network_name("tuned", seed, "start"))[CELLS + "threshold"] for seed in (0, 1)]
    np.testing.assert_array_equal(again, saved)
    with pytest.raises(FileNotFoundError, match="copy is not a directory"):
        build(config)


@pytest.mark.parametrize(
    ("settings", "error", "text"),
    [
        (['start.parameters=["*.tau_nothing"]'], ValueError, "matches no parameter"),
        (['start.condition="absent"'], FileNotFoundError, "has no networks/absent-seed0-end.npz"),
        (["model.neurons=10"], ValueError, r"is \(1, 12\) in .*, but \(1, 10\) in this run"),
        (["run.seed=1"], FileNotFoundError, "the same seeds"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(tuned, settings, error, text):
    with pytest.raises(error, match=text):
        build(held(tuned, *settings))


def test_random_masks_are_drawn_once_and_stand_in_the_configuration(tmp_path):
    config = configuration("dms", ["random_masks.count=3", "random_masks.seed=5"])
    drawn = [name for name in config.conditions if name.startswith("random-")]
    assert len(drawn) == 3
    for name in drawn:
        digits = name.removeprefix("random-")
        free = [pattern for pattern, digit in zip(INTRINSIC, digits, strict=True) if digit == "1"]
        assert config.conditions[name] == [*WEIGHTS, *free]
        assert 0 < len(free) < len(INTRINSIC)
    assert {"fixed", "intrinsic"} < set(config.conditions)
    assert configuration("dms", ["random_masks.count=3", "random_masks.seed=5"]) == config
    others = {
        tuple(configuration("dms", ["random_masks.count=3", f"random_masks.seed={s}"]).conditions) for s in range(5)
    }
    assert len(others) > 1


def test_more_masks_than_there_are_is_refused():
    with pytest.raises(ValueError, match=r"random_masks\.count"):
        configuration("dms", ["random_masks.count=7"])
