"""Two names for one mask are one computation: what chosen and given masks share is not learned twice."""

import jax
import numpy as np
import pytest

from metaplast.experiments.learning_to_learn import experiment
from metaplast.experiments.learning_to_learn.configuration import configuration
from metaplast.experiments.learning_to_learn.experiment import Chunks, build, twins

SETTINGS = (
    "model.neurons=8",
    "criterion.loss_below=0.4",
    "criterion.window=2",
    "criterion.limit=5",
    "run.problems=2",
    "run.seeds=2",
    "run.chunk=1",
    'conditions={plain=["*.weight"], leaky=["*.weight", "*.tau_soma"], again=["*soma", "*.weight"]}',
)


@pytest.fixture(scope="module")
def study(quick_compilation):
    return build(configuration("dms", SETTINGS))


def test_a_lane_has_the_twin_that_learns_the_same_with_its_seed(study):
    names = [(lane.condition, lane.seed) for lane in study.lanes]
    assert [names[first] for first in twins(study)] == [
        (name, seed) for seed in (0, 1) for name in ("plain", "leaky", "leaky")
    ]


def test_twins_are_computed_once_and_told_under_both_names(study, monkeypatch):
    counts, lanes = [], experiment.Lanes
    monkeypatch.setattr(experiment, "Lanes", lambda function, count: counts.append(count) or lanes(function, count))
    together = list(Chunks(study).run(study.start, 0))
    monkeypatch.setattr(experiment, "twins", lambda study: np.arange(len(study.lanes)))
    apart = list(Chunks(study).run(study.start, 0))
    assert counts == [4, 6]
    assert [indices for indices, *_ in together] == [range(1), range(1, 2)]
    for (_, *found), (_, *expected) in zip(together, apart, strict=True):
        jax.tree.map(np.testing.assert_array_equal, found, expected)
    weight = together[-1][1].model.network.projections["recurrent"].weight
    assert not np.array_equal(weight[0], weight[1])
    assert np.array_equal(weight[1], weight[2])
