"""A study runs its members one after the other, loses nothing when it is killed, and grows with its plan."""

import os
import tomllib
from collections.abc import Iterator
from pathlib import Path

import jax
import msgspec
import pytest
from typer.testing import CliRunner

from metaplast.analysis.networks.lesion_table import LesionRow, write_rows
from metaplast.cli import app
from metaplast.config import to_table
from metaplast.experiments.states import Mismatch
from metaplast.experiments.study.configuration import study_configuration
from metaplast.experiments.study.session import open_study, run_study, steps_of
from metaplast.experiments.study.settings import MemberSettings, StudySettings, chosen, expanded
from metaplast.experiments.study.steps import KINDS
from metaplast.runs import ProblemRow, RunDirectory
from study_helpers import TINY


class Killed(Exception):
    """What a killed study is in these tests."""


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.toml"
    path.write_text(TINY)
    return path


@pytest.fixture(autouse=True, scope="module")
def compiled_programs_stay() -> Iterator[None]:
    """A study forgets compiled programs, which other tests would have to compile again."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jax, "clear_caches", lambda: None)
        yield


@pytest.mark.slow
def test_a_killed_study_goes_on_and_loses_nothing(quick_compilation, tiny, tmp_path):
    """Its second member, killed half-way, comes to the same as the first, which was not."""
    study, place = open_study(str(tiny), [], tmp_path / "study", False)
    heard = []

    def kill(now) -> None:
        heard.append(now)
        if now.member == "dms-again" and now.note.startswith("2/4"):
            raise Killed

    with pytest.raises(Killed):
        run_study(study, place, kill)
    assert {now.finished for now in heard} == {0, 1}
    assert set(RunDirectory.open(place.path / "dms-again").problems().problem) == {0, 1}
    finished = {path: path.stat().st_mtime_ns for path in place.path.glob("*/summary.json")}
    result = CliRunner().invoke(app, ["run", str(tiny), "--out", str(place.path), "--resume"])
    assert result.exit_code == 0, result.output
    assert "2/2 members" in result.output
    assert len(finished) == 2
    assert {path: path.stat().st_mtime_ns for path in finished} == finished
    first, second = (RunDirectory.open(place.path / name) for name in ("dms", "dms-again"))
    for name in ("problems.csv", "config.toml"):
        assert (first.path / name).read_bytes() == (second.path / name).read_bytes()
    check_contents(place, first)
    again = []
    run_study(study, place, again.append)
    assert [(now.finished, now.members, now.total) for now in again] == [(2, 2, 0)]


def check_contents(study: RunDirectory, member: RunDirectory) -> None:
    """A member is an ordinary run, of what the search before it chose; the study knows its plan, and has a report."""
    assert member.summary
    assert (member.path / "report.html").is_file()
    allocation = tomllib.loads((study.path / "search-dms" / "allocation.toml").read_text())
    assert member.config["conditions"] == {"standard": ["*readout.weight"], "bi-level": allocation["patterns"]}
    assert "2 of 2 members have finished" in (study.path / "report.html").read_text()
    assert study.config["members"] == ["*"]


@pytest.fixture
def pretended(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Steps that only write that they are done; the folders of those that were carried out."""
    done: list[str] = []

    def carry_out(config: object, path: Path, told: object) -> None:
        done.append(path.name)
        RunDirectory.create(path).write_summary({"done": 1})

    def finished(path: Path) -> bool:
        return (path / "summary.json").is_file()

    for name, kind in KINDS.items():
        monkeypatch.setitem(KINDS, name, kind._replace(carry_out=carry_out, finished=finished))
        kind = KINDS[name]
        # There is no allocation to read.
        whole = lambda base, settings, of=kind.configure: of(base, [one for one in settings if "bi-level" not in one])  # noqa: E731
        monkeypatch.setitem(KINDS, name, kind._replace(configure=whole))
    return done


def test_a_study_can_be_split_into_calls(tiny, tmp_path, pretended):
    study, place = open_study(str(tiny), ['members=["*-again"]'], tmp_path / "study", False)
    run_study(study, place, lambda now: None)
    assert pretended == ["dms-again"]
    with pytest.raises(ValueError, match=r"others than title=Another; leave them out"):
        open_study(str(tiny), ['members=["dms"]', "title=Another"], place.path, True)
    same = ['members=["dms"]', f"title={study.title}", f"families={study.families}"]
    assert open_study(str(tiny), same, place.path, True)[0].members == ["dms"]
    with pytest.raises(FileExistsError, match="--resume"):
        open_study(str(tiny), [], place.path, False)
    study, place = open_study(str(tiny), [], place.path, True)
    assert study.members == ["dms"]  # those of before
    run_study(study, place, lambda now: None)
    assert pretended == ["dms-again", "search-dms", "dms"]
    assert open_study(str(tiny), ['members=["*"]'], place.path, True)[0].members == ["*"]
    with pytest.raises(ValueError, match="members is empty; give globs"):
        open_study(str(tiny), ["members=[]"], place.path, True)


def test_a_step_is_finished_when_its_report_is_drawn(tmp_path):
    """Drawing it writes tables that the study needs: a step that is killed there is done again."""
    run = RunDirectory.create(tmp_path / "run")
    run.append_problems([ProblemRow("one", 0, 0, 9, 0.01, 1.0, True, 5.0)])
    run.write_summary({"conditions": {}})
    assert not KINDS["run"].finished(run.path)
    page = run.path / "report.html"
    page.write_text("a page")
    assert KINDS["run"].finished(run.path)
    assert not KINDS["analyse"].finished(run.path)
    write_rows(run, [LesionRow("one", 0, "random", 0, 0.0, 1.0, 3, 0.1, 0.1, 1.0, 1.0, 9, 9, True, True)])
    os.utime(page, ns=(0, 0))
    assert not KINDS["analyse"].finished(run.path)
    page.write_text("a newer page")
    assert KINDS["analyse"].finished(run.path)


def test_what_a_member_needs_of_another_must_be_there(tiny, tmp_path, pretended):
    more = '[plan.more]\nbase = "dms"\nsettings = [\'start.run="{study}/dms"\']\n'
    tiny.write_text(TINY + more)
    with pytest.raises(ValueError, match="more needs dms in the directory of the study; it comes from dms, to be run"):
        open_study(str(tiny), ['members=["more"]'], tmp_path / "study", False)
    study, place = open_study(str(tiny), ['members=["dms"]'], tmp_path / "study", False)
    run_study(study, place, lambda now: None)
    open_study(str(tiny), ['members=["more"]'], place.path, True)


def test_a_member_that_was_begun_with_other_settings_is_not_continued(tiny, tmp_path):
    study, place = open_study(str(tiny), ['members=["dms-again"]'], tmp_path / "study", False)
    begun = RunDirectory.create(place.path / "dms-again")
    (step,) = steps_of(study, "dms-again")
    config = to_table(step.configuration(place.path))
    begun.write_config(config | {"model": config["model"] | {"neurons": 9}})
    with pytest.raises(Mismatch, match=r"dms-again: .*other settings \(model\.neurons\)"):
        run_study(study, place, lambda now: None)


def test_a_plan_grows_but_what_was_begun_stays(tiny, tmp_path):
    study, place = open_study(str(tiny), [], tmp_path / "study", False)
    RunDirectory.create(place.path / "dms-again")
    changed = TINY.replace('"model.name=rate"', '"model.name=rate", "model.tau=50"').replace('{ kind = "search" },', "")
    changed = changed.replace("conditions.bi-level", "conditions.none").replace(
        '"{study}/search-{family}/allocation.toml"', '["*.bias"]'
    )
    tiny.write_text(changed + '\n[plan.more]\nbase = "dms"\n\n[plan.less]\nbase = "dms"\n')
    open_study(str(tiny), [], place.path, True)
    tiny.write_text(changed + '\n[plan.more]\nbase = "dms"\n')
    grown, _ = open_study(str(tiny), [], place.path, True)
    assert grown.plan["dms-again"] == study.plan["dms-again"]
    assert grown.plan["dms"].settings == ["model.name=rate", "model.tau=50"]
    assert list(grown.plan) == ["dms", "dms-again", "more"]
    assert "more" in place.config["plan"]
    tiny.write_text(TINY.replace('"Tiny"', '"Another"'))
    with pytest.raises(ValueError, match="holds the study 'Tiny', not 'Another'"):
        open_study(str(tiny), [], place.path, True)


def test_a_begun_member_takes_steps_that_were_added_at_its_end(tiny, tmp_path):
    _, place = open_study(str(tiny), [], tmp_path / "study", False)
    RunDirectory.create(place.path / "dms-again")
    tiny.write_text(TINY.replace("    ] },\n]\n\n[settings]", '    ] },\n    { kind = "run" },\n]\n\n[settings]'))
    grown, _ = open_study(str(tiny), [], place.path, True)
    assert len(grown.plan["dms-again"].steps) == 2


def test_members_are_chosen_by_glob(tiny):
    study = study_configuration(str(tiny), ['members=["*-again"]'])
    assert chosen(study) == ["dms-again"]
    with pytest.raises(ValueError, match=r"'gru\*' matches no member; there are: dms, dms-again"):
        chosen(study_configuration(str(tiny), ['members=["gru*"]']))


def test_what_a_member_takes_from_another_comes_first():
    member = MemberSettings(base="dms", settings=["a=1"], steps=[])
    study = StudySettings(
        plan={
            "{family}-like": member,
            "{family}": MemberSettings(like="{family}-like", settings=["b={family}"], families=["x", "z"]),
        },
        families=["x", "y"],
    )
    found = expanded(study)
    assert list(found.plan) == ["x"]
    assert found.plan["x"] == MemberSettings(base="dms", settings=["a=1", "b=x"], families=["x", "z"])
    assert expanded(found) == found
    circle = msgspec.structs.replace(study, plan={"a": MemberSettings(like="b"), "b": MemberSettings(like="a")})
    with pytest.raises(ValueError, match="like is"):
        expanded(circle)
