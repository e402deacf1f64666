"""A study is checked as deeply as its steps would be, before the first of them; what fails later ends in one line."""

import subprocess
import sys
from pathlib import Path

import jax
import pytest
from typer.testing import CliRunner

from metaplast.cli import app
from metaplast.devices import available_cores
from metaplast.experiments.study.configuration import study_configuration
from metaplast.experiments.study.session import check, open_study, steps_of
from metaplast.experiments.study.steps import KINDS
from study_helpers import TINY


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.toml"
    path.write_text(TINY)
    return path


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('kind = "search"', 'kind = "serch"', "unknown kind 'serch'; there are: run, search, sweep, analyse"),
        ('base = "{family}"\npanel', "panel", "has no base"),
        ('base = "{family}"\npanel', 'like = "dms-gru"\npanel', "like is 'dms-gru'; give another member"),
        ('"model.name=rate"', '"model.nam=rate"', "dms: unknown key 'model.nam'"),
        ('"model.name=rate"', '"criterion.window=9999"', "dms: criterion.window is 9999 and criterion.limit"),
        (
            '["search.name=preset"',
            '["search.name=preset", "criterion.limit=3"',
            "dms: criterion.window is 5 and criterion",
        ),
        ('groups={a=["*.weight"]}', 'groups={a=["*.weigth"]}', r"dms: pattern '\*.weigth' matches no parameter"),
        (
            '*readout.weight", "*.weight"]',
            '*readout.weigth"]',
            r"dms-again: conditions.bi-level: pattern '\*readout.weigth'",
        ),
        ('"model.name=rate"', '"learning.rates.x=1e-3"', "dms: pattern 'x' matches no parameter"),
        ('"model.name=rate"', "'model.intrinsic=[{name=\"nois\"}]'", "dms: model.intrinsic.*nois"),
        (
            "    ] },\n]\n\n[plan",
            '    ] },\n    { kind = "analyse" },\n]\n\n[plan',
            "dms: analyse: the cells of this model",
        ),
        (
            "[\"*readout.weight\"]}',\n        'conditions.bi-level=[",
            "[\"*.weight\"]}', 'start.run=\"{study}/dms\"',\n        'conditions.bi-level=[",
            "dms-again: .*tau_dendrite' matches no",
        ),
        ("search-{family}/", "search-other/", "needs search-other in the directory of the study; no member makes it"),
        ('families = ["dms"]', "families = []", "families is empty"),
        ('families = ["dms"]', 'families = ["dsm"]', "no experiment 'dsm'"),
        ('[plan."{family}-again"]', '[plan."{family}/again"]', "part of file names"),
    ],
)
def test_a_plan_that_does_not_fit_is_refused_before_anything_runs(tiny, tmp_path, old, new, words):
    assert old in TINY
    tiny.write_text(TINY.replace(old, new))
    with pytest.raises((ValueError, FileNotFoundError), match=words):
        open_study(str(tiny), [], tmp_path / "study", False)
    assert not (tmp_path / "study").exists()


def test_the_named_study_is_whole_and_its_smoke_preset_small(tmp_path):
    study, smoke = study_configuration("ip2-study"), study_configuration("ip2-study", ["preset=smoke"])
    for one in (study, smoke):
        check(one, tmp_path)
    assert {member.panel for member in study.plan.values()} >= set(study.families)
    assert set(smoke.plan) < set(study.plan)
    work = [
        step.kind.work(step.configuration(tmp_path, whole=False))
        for name in smoke.plan
        for step in steps_of(smoke, name)
    ]
    assert max(work) <= 200
    assert set(KINDS) >= {step.kind for member in study.plan.values() for step in member.steps}


def test_a_step_that_fails_ends_the_command_in_one_line(tiny, tmp_path, monkeypatch):
    def carry_out(config: object, path: Path, told: object) -> None:
        raise ValueError("what could not be known before")

    monkeypatch.setattr(jax, "clear_caches", lambda: None)  # other tests would have to compile again
    monkeypatch.setitem(KINDS, "search", KINDS["search"]._replace(carry_out=carry_out))
    result = CliRunner().invoke(app, ["run", str(tiny), "--out", str(tmp_path / "study")])
    assert result.exit_code == 2
    assert result.stderr == "error: search-dms: what could not be known before\n"


OPENED = """
import sys
from pathlib import Path
from metaplast.experiments.study.session import open_study
open_study(sys.argv[1], [], Path(sys.argv[2]), False)
import jax
print(jax.device_count())
"""


def test_a_study_that_was_checked_still_has_a_device_a_core(tiny, tmp_path):
    """Checking wakes JAX, after which devices stay as they are."""
    call = [sys.executable, "-c", OPENED, str(tiny), str(tmp_path / "study")]
    result = subprocess.run(call, capture_output=True, text=True, check=True)
    assert int(result.stdout) == available_cores()


def test_the_command_line_refuses_a_study_that_does_not_fit(tiny, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(app, ["run", str(tiny), "--set", 'members=["none"]'])
    assert result.exit_code == 2
    assert "matches no member" in result.stderr
    assert not (tmp_path / "runs").exists()
