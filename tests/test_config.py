"""Configurations: they round-trip through TOML, and every mistake is named by its path."""

import tomllib

import pytest
import tomli_w
from hypothesis import given, settings
from hypothesis import strategies as st

from metaplast.config import decode, to_table
from metaplast.experiments import NAMES, LearningToLearn, configuration
from metaplast.experiments.catalogue import named_path, read
from metaplast.experiments.classification.configuration import classification_configuration
from metaplast.experiments.learning_to_learn.settings import CONDITIONS, complete
from metaplast.tasks import FAMILIES

PRESETS = [(name, preset) for name in NAMES for preset in ("", *read(name).get("presets", {}))]


def again(config: LearningToLearn) -> LearningToLearn:
    return decode(tomllib.loads(tomli_w.dumps(to_table(config))), LearningToLearn)


@pytest.mark.parametrize(("name", "preset"), PRESETS)
def test_named_experiments_round_trip(name, preset, tmp_path):
    config = configuration(name, [f"preset={preset}"] if preset else [])
    assert config.preset == preset
    assert again(config) == config
    # The file that a run writes is itself a configuration: of the same run.
    path = tmp_path / "config.toml"
    path.write_text(tomli_w.dumps(to_table(config)))
    assert configuration(str(path)) == config


def test_every_experiment_has_a_smoke_preset_that_changes_it():
    assert {name for name, preset in PRESETS if preset == "smoke"} == set(NAMES)
    for name in NAMES:
        small, whole = configuration(name, ["preset=smoke"]), configuration(name)
        assert small.run.problems < 10 < whole.run.problems
        assert small.title == whole.title
        assert named_path(name).is_file()


names = st.text("abcdefgh -_.", min_size=1, max_size=8)
positive = st.floats(1e-6, 1e6)


@settings(max_examples=60, deadline=None)
@given(
    rate=positive,
    limit=st.integers(1, 10**6),
    rates=st.dictionaries(st.text("*.abc", min_size=1), st.floats(0, 10), max_size=3),
    conditions=st.dictionaries(names, st.lists(st.text(max_size=6), min_size=1, max_size=3), max_size=3),
    title=st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
    family=st.sampled_from(sorted(FAMILIES)),
    target=st.none() | st.floats(-5, 5),
)
def test_any_configuration_round_trips(rate, limit, rates, conditions, title, family, target):
    table = {
        "family": {"name": family},
        "title": title,
        "learning": {"rate": rate, "rates": rates},
        "criterion": {"limit": limit},
        "conditions": conditions,
        "loss": {} if target is None else {"activity_target": target},
    }
    config = decode(complete(to_table(decode(table, LearningToLearn))), LearningToLearn)
    assert (config.learning.rate, config.learning.rates, config.loss.activity_target) == (rate, rates, target)
    given = conditions or CONDITIONS["spiking"]
    assert (config.conditions, config.title, config.criterion.limit) == (given, title, limit)
    assert again(config) == config


def test_defaults_of_components_are_filled_in():
    config = configuration("dms", ['model.intrinsic=[{name="noise", sigma=0.2}]'])
    assert config.family["delay"] == 200.0
    assert config.model.surrogate == {"name": "triangular", "width": 1.0, "height": 1.0}
    assert config.model.intrinsic == [{"name": "noise", "sigma": 0.2, "tau": 2.0}]
    assert configuration("cd-dms").family["contextual"] is True


def test_settings_have_the_types_of_toml_or_are_text():
    chosen = ["family.delay=400", "run.seeds=3", "title=Two words", "family.remap=true", "model.tau_low=5"]
    config = configuration("dms", [*chosen, 'learning.rates={"*.weight"=0.5}', "model.readout=spikes", "preset=smoke"])
    assert config.family["delay"] == 400.0
    assert config.run.seeds == 3
    assert config.title == "Two words"
    assert config.family["remap"] is True
    assert config.model.tau_low == 5.0
    assert config.learning.rates == {"*.weight": 0.5}
    assert config.model.readout == "spikes"
    assert config.run.problems == configuration("dms", ["preset=smoke"]).run.problems


def test_a_setting_wins_over_the_preset_in_any_order():
    for order in (["preset=smoke", "run.problems=3"], ["run.problems=3", "preset=smoke"]):
        assert configuration("dms", order).run.problems == 3


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("model.neuronz=3", "unknown key 'model.neuronz'; there are: model.neurons"),
        ("preset", "has no '='; write --set preset=VALUE"),
        ("learnin.rate=3", "unknown key 'learnin.rate'; there are: learning"),
        ("family.delai=3", "unknown key 'family.delai'; there are: family.delay"),
        ("run.seeds=many", "run.seeds: Expected `int`, got `str`"),
        ("run.seeds=1.5", "run.seeds: Expected `int`"),
        ("run.seed=-1", "run.seed: Expected `int` >= 0"),
        ("model.neurons=0", "model.neurons: Expected `int` >= 1"),
        ("model.tau_low=[1.0]", "model.tau_low: Expected `float`"),
        ("learning.rate=-0.1", "learning.rate: Expected `float` > 0"),
        ("model.name=grru", "model.name: Invalid value 'grru'; there are: spiking, rate, gru, self-attention"),
        ("learning.rate=nan", "learning.rate is nan; give a finite number"),
        ("learning.rate=inf", "learning.rate is inf; give a finite number"),
        ('learning.rates={"*.weight"=nan}', r"learning.rates.\*.weight is nan"),
        ("family.delay=nan", "family.delay is nan; give a finite number"),
        ("loss.activity_target=-inf", "loss.activity_target is -inf"),
        ("model.tau_low=nan", "model.tau_low is nan"),
        ("model.surrogate.width=inf", "model.surrogate.width is inf"),
        ("family=3", "family: Expected `object`, got `int`"),
        ("model=3", "model: Expected `object`, got `int`"),
        ("model.surrogate=gaussian", "model.surrogate: Expected `object`, got `str`"),
        ("model.intrinsic=[3]", r"model.intrinsic\[0\]: Expected `object`, got `int`"),
        ('model.intrinsic=[{name="noize"}]', "model.intrinsic.name is 'noize'; there are: adaptive-threshold"),
        ("family.name=dms", "family.name is 'dms'; there are: delayed-match"),
        ("preset=big", "preset 'big' does not exist; there are: smoke"),
        ("model.neurons", "--set 'model.neurons' has no '='; write --set model.neurons=VALUE"),
        ('conditions={"a/b"=[]}', "condition 'a/b' becomes part of file names"),
        ("conditions.nothing=[]", r'conditions.nothing: nothing may learn; write what may, as in \["\*.weight"\]'),
        ("conditions.one=[3]", r"conditions.one\[0\]: Expected `str`"),
        ("conditions.a=3", "conditions.a: Expected `str | array`, got `int`"),
        ("runn.problems=3", "unknown key 'runn.problems'; there are: run, .*criterion"),
        ("model.readout=spikez", "model.readout: Invalid enum value 'spikez'; there are: .*spikes"),
        ("criterion.loss_above=1", "unknown key 'criterion.loss_above'; there are: criterion.loss_below"),
    ],
)
def test_a_wrong_setting_is_named_by_its_path(setting, message):
    with pytest.raises(ValueError, match=message):
        configuration("dms", [setting])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "missing required field `family`"),
        ('preset = "smoke"\npresets = 3\n[family]\nname = "delayed-match"', "presets.smoke is not a table"),
        ('presets = {smoke = {}}\npreset = "smoek"\n[family]\nname = "delayed-match"', "'smoek' does not exist"),
        ("[family]\n", "family.name is None"),
        ('[family]\nname = "delayed-match"\n[model]\nneuronz = 3', "model: Object contains unknown field `neuronz`"),
        ('[family]\nname = "delayed-match"\n[run]\nseeds = "2"', "run.seeds: Expected `int`, got `str`"),
        ("[data]\n", "bad.toml: section 'data' belongs to experiment = \"classification\"; write that line"),
        ("[plan.a]\n", "bad.toml: section 'plan' belongs to experiment = \"study\""),
        ("[famil]\n", "Object contains unknown field `famil`; there are: family, .*model"),
        ("[family\n", "bad.toml is not valid TOML: .*line 1"),
    ],
)
def test_a_wrong_file_is_explained(tmp_path, text, message):
    path = tmp_path / "bad.toml"
    path.write_text(text)
    with pytest.raises(ValueError, match=message):
        configuration(str(path))


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("data.coding=poison", "data.coding: Invalid enum value 'poison'; there are: direct, rate, latency, events"),
        ("conditions.X=[1]", "conditions.X: Expected `str | object`, got `array`"),
        ('conditions={S={channels=["stbp"]}, X={channels=["stbp"], lairs=3}}', "X: .*`lairs`; there are: layers"),
        ("channels.stbp.rate=0", "channels.stbp.rate: Expected `float` > 0.0"),
        ("channels.stbp.learner=magic", "stbp.learner: Invalid value 'magic'; there are: gradient, rule, .*none"),
        ("channels={}", r"no channel '\w+'; declare \[channels\.\w+\]"),
    ],
)
def test_a_wrong_setting_of_a_classification_is_named_by_its_key(setting, message):
    with pytest.raises(ValueError, match=message):
        classification_configuration("mpsl-digits", [setting])


def test_a_missing_file_and_an_unknown_name_are_explained(tmp_path):
    with pytest.raises(FileNotFoundError, match="no experiment 'dsm'; there are: dms, cd-dms"):
        configuration("dsm")
    with pytest.raises(FileNotFoundError, match=r"no configuration file .*none\.toml"):
        configuration(str(tmp_path / "none.toml"))
