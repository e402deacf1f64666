"""Named classification experiments: what they compare can be built, and is designed alike."""

from importlib.resources import files

import equinox as eqx
import jax
import jax.numpy as jnp
import msgspec
import numpy as np
import pytest

from classification_helpers import patterns
from metaplast.config import read_toml
from metaplast.experiments.catalogue import CLASSIFICATIONS, named_path
from metaplast.experiments.classification import data as classification_data
from metaplast.experiments.classification import settings
from metaplast.experiments.classification.configuration import classification_configuration
from metaplast.experiments.classification.experiment import assignment_of, build, channels_of
from metaplast.experiments.classification.session import of_seed
from metaplast.learning.classification import learn_epoch
from metaplast.learning.classifier import frozen
from metaplast.models.layered import Wiring, layer_names

KEY = jax.random.key(0)
PRESETS = [(name, preset) for name in CLASSIFICATIONS for preset in ("", *read_toml(named_path(name))["presets"])]


def test_every_classification_in_the_folder_has_its_name_in_the_catalogue():
    there = (files("metaplast.experiments") / "named").iterdir()
    assert {file.name for file in there if file.name.startswith("mpsl-")} == {
        f"{name}.toml" for name in CLASSIFICATIONS
    }


@pytest.mark.parametrize(("name", "preset"), PRESETS)
def test_conditions_fit_their_channels_and_share_a_design(name, preset):
    """Combinations have half gains, and self-backpropagation starts at random only where it is alone."""
    config = classification_configuration(name, [f"preset={preset}"] if preset else [])
    for condition in config.conditions:
        chosen, layers = config.condition(condition), channels_of(config, condition)
        wiring = tuple(
            Wiring(layer, tuple(names), (3,)) for layer, names in zip(layer_names(len(layers)), layers, strict=True)
        )
        policy = assignment_of(chosen.assignment, wiring, condition)
        if chosen.single or len(chosen.channels) == 1:
            continue
        for gains in policy.gains(0.0).values():
            np.testing.assert_allclose(list(gains.values()), 0.5)
        for channel in (config.channels[one] for one in chosen.channels):
            if isinstance(channel, settings.SelfBackpropagationChannel):
                assert channel.scale == 0.0


@pytest.mark.slow
def test_all_other_rules_learn_side_by_side_and_stay_finite(monkeypatch):
    monkeypatch.setattr(classification_data, "load", lambda *_, **__: patterns())
    small = ["preset=others", "training.seeds=1", "training.batch=20", "network.hidden=[6]"]
    config = classification_configuration("mpsl-digits", small)
    rules = ("stdp", "triplet", "oja", "bcm", "scaling")
    assert all(any(rule in config.condition(name).channels for name in config.conditions) for rule in rules)
    together = settings.Condition(["stbp", *rules])
    grid = build(msgspec.structs.replace(config, conditions={"all": together}))
    group, data, start = grid.groups[0], grid.data, of_seed(grid.groups[0].start, 0)
    epoch = lambda state: learn_epoch(group.learner, state, data.train, data.encode_train, KEY, jnp.zeros(()), 20)  # noqa: E731
    learned, metrics = eqx.filter_jit(epoch)(start)
    before, after = (frozen(state.model.network, state.memory) for state in (start, learned))
    assert np.isfinite(metrics.loss)
    for name, projection in after.projections.items():
        assert np.isfinite(projection.weight).all(), name
        assert not np.array_equal(projection.weight, before.projections[name].weight), name
