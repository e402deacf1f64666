"""Presets of harder regimes are what their names say, and what the study runs under them."""

import pytest

from metaplast.experiments import configuration
from metaplast.experiments.study.configuration import study_configuration

FAMILIES = ("dms", "cd-dms", "gng-dr-2", "gng-dr-4", "gng-dr-8")


@pytest.mark.parametrize("name", FAMILIES)
def test_presets_are_what_their_names_say(name):
    plain = configuration(name)
    hard = {preset: configuration(name, [f"preset={preset}"]) for preset in REGIMES}
    assert hard["delay-2x"].family["delay"] == 2 * plain.family["delay"]
    assert hard["delay-4x"].family["delay"] == 4 * plain.family["delay"]
    assert (hard["neurons-50"].model.neurons, hard["neurons-25"].model.neurons) == (50, 25)
    assert hard["tight"].criterion.loss_below == plain.criterion.loss_below / 4
    assert [entry["name"] for entry in hard["noise"].model.intrinsic] == ["noise"]


def test_eight_cues_are_eight():
    assert configuration("gng-dr-8").family["cues"] == 8


REGIMES = {
    "delay-2x": {"cd-dms": "delay-400", "gng-dr-4": "delay-600"},
    "delay-4x": {"cd-dms": "delay-800", "gng-dr-4": "delay-1200"},
    "neurons-50": dict.fromkeys(("cd-dms", "gng-dr-4"), "50-neurons"),
    "neurons-25": dict.fromkeys(("cd-dms", "gng-dr-4"), "25-neurons"),
    "tight": dict.fromkeys(("cd-dms", "gng-dr-4"), "tight"),
    "noise": dict.fromkeys(("cd-dms", "gng-dr-4"), "noise"),
}


@pytest.mark.parametrize("preset", REGIMES)
def test_a_preset_is_the_regime_of_the_study(preset):
    plan = study_configuration("ip2-study").plan
    for family, member in REGIMES[preset].items():
        given = [entry for entry in plan[f"{family}-{member}"].settings if not entry.startswith(("run.", "conditions"))]
        studied, chosen = configuration(family, given), configuration(family, [f"preset={preset}"])
        assert (studied.family, studied.model, studied.criterion) == (chosen.family, chosen.model, chosen.criterion)


def test_the_study_asks_for_eight_cues_as_the_named_experiment_does():
    plan = study_configuration("ip2-study").plan
    assert "family.cues=8" in plan["gng-dr-4-8-cues"].settings
    assert configuration("gng-dr-4", ["family.cues=8"]).family == configuration("gng-dr-8").family
