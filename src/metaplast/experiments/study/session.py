"""A study on disk: its members one after the other, each a run directory; what is finished is never done again."""

import json
import re
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import jax
import msgspec

from metaplast.config import to_table
from metaplast.devices import prepare
from metaplast.experiments.catalogue import read
from metaplast.experiments.resumption import check_resumed
from metaplast.experiments.states import Mismatch
from metaplast.experiments.study.configuration import study_configuration
from metaplast.experiments.study.settings import STUDY, StudySettings, chosen
from metaplast.experiments.study.steps import ELSEWHERE, KINDS, Kind, StepProgress
from metaplast.provenance import provenance
from metaplast.runs import RunDirectory

NEEDED = re.compile(re.escape(STUDY) + r"/([^/\"']+)")
"""A folder of the study in a setting."""


class Step(NamedTuple):
    """One thing to do, of one member."""

    member: str
    kind: Kind
    base: str
    settings: list[str]
    """With `{study}` still in them."""

    @property
    def folder(self) -> str:
        """Name of its folder in the directory of the study."""
        return self.kind.folder.replace("{member}", self.member)

    @property
    def needs(self) -> set[str]:
        """Folders of the study that its settings name."""
        return {folder for setting in self.settings for folder in NEEDED.findall(setting)}

    def configuration(self, study: Path, *, whole: bool = True) -> Any:
        """Its configuration; if not `whole`, without what depends on other folders, which need not exist yet."""
        settings = [setting for setting in self.settings if whole or STUDY not in setting or _key(setting) in ELSEWHERE]
        return self.kind.configure(self.base, [setting.replace(STUDY, str(study)) for setting in settings])


def _key(setting: str) -> str:
    return setting.partition("=")[0].strip()


class StudyProgress(NamedTuple):
    """What a study tells while it runs."""

    member: str
    finished: int
    """Of the members to run, those that are finished."""
    members: int
    done: float
    """Work that this call has done, in problems learned by one network."""
    total: float
    """Work that this call has to do."""
    note: str
    """How the step under way goes."""


def steps_of(study: StudySettings, member: str) -> list[Step]:
    """What is to be done for a member, in order.

    Raises:
        ValueError: an unknown kind of step.
    """
    settings, found = study.plan[member], []
    for step in settings.steps:
        if step.kind not in KINDS:
            raise ValueError(f"plan.{member}.steps: unknown kind {step.kind!r}; there are: {', '.join(KINDS)}")
        everything = [*settings.settings, *step.settings, *study.settings.get(step.kind, [])]
        found.append(Step(member, KINDS[step.kind], settings.base, everything))
    return found


def check(study: StudySettings, directory: Path) -> None:
    """Refuse a study that would stop half-way: all that can be known of its steps is known before the first.

    Raises:
        ValueError: a step whose settings do not fit, or that needs a folder which is neither there nor made before.
        FileNotFoundError: a base that does not exist.
    """
    steps = [step for member in study.plan for step in steps_of(study, member)]
    there = {step.folder for step in steps if step.kind.finished(directory / step.folder)}
    for step in (step for member in chosen(study) for step in steps_of(study, member)):
        if missing := sorted(step.needs - there):
            makers = sorted({other.member for other in steps if other.folder in missing})
            before = f"it comes from {', '.join(makers)}, to be run before: add it to members"
            mend = before if makers else "no member makes it"
            raise ValueError(f"{step.member} needs {', '.join(missing)} in the directory of the study; {mend}")
        there.add(step.folder)
        try:
            step.kind.check(step.configuration(directory, whole=False))
        except ValueError as error:
            raise ValueError(f"{step.member}: {error}") from None


def open_study(name: str, settings: Sequence[str], path: Path, resume: bool) -> tuple[StudySettings, RunDirectory]:
    """The study of this name in a new directory, or the one that is there already; checked, and written if new.

    Raises:
        ValueError: settings that do not fit; of a study that goes on, any other than `members` that it did not have.
        OSError: no such name or directory, or one that is not empty.
    """
    prepare()  # checking builds families, which wakes JAX
    if not resume:
        study = study_configuration(name, settings)
        check(study, path)
        directory = RunDirectory.create(path)
        begin(study, directory)
        return study, directory
    directory = RunDirectory.open(path)
    own = [setting for setting in settings if _key(setting) == "members"]
    others, file = [setting for setting in settings if setting not in own], str(path / "config.toml")
    check_resumed(others, lambda given: study_configuration(file, given))
    study, title = study_configuration(file, own), read(name).get("title")
    if study.title != title:
        raise ValueError(f"{path} holds the study {study.title!r}, not {title!r}; give its own name, or another --out")
    same = [f"families={json.dumps(study.families)}", *([f"preset={study.preset}"] if study.preset else [])]
    grown = grow(study, study_configuration(name, same), path)
    check(grown, path)
    if own or grown != study:
        write_plan(grown, directory)
    return grown, directory


def grow(study: StudySettings, now: StudySettings, path: Path) -> StudySettings:
    """The study with what its name has come to stand for since: of what was begun, only more steps at the end.

    Members that were not begun are taken as they are `now`, or left out if they are no more, and so is what only the
    report needs.
    """
    plan = {name: member for name, member in study.plan.items() if name in now.plan or _begun(study, name, path)}
    for name, member in now.plan.items():
        old = plan.get(name)
        if (
            old is None
            or not _begun(study, name, path)
            or (member.settings, member.steps[: len(old.steps)]) == (old.settings, old.steps)
        ):
            plan[name] = member
    return msgspec.structs.replace(study, plan=plan, pooled=now.pooled, assumed=now.assumed)


def _begun(study: StudySettings, member: str, path: Path) -> bool:
    return any((path / step.folder).exists() for step in steps_of(study, member))


def begin(study: StudySettings, directory: RunDirectory) -> None:
    """Write what a study is, and where it began."""
    write_plan(study, directory)
    # On what each member was computed stands in its own directory: asking here would wake JAX too early.
    directory.write_meta(provenance("") | {"started": datetime.now(UTC).isoformat(timespec="seconds")})


def write_plan(study: StudySettings, directory: RunDirectory) -> None:
    """Write the plan of a study, and which members are to be run, so that it goes on with these."""
    directory.write_config(to_table(study))


def run_study(study: StudySettings, directory: RunDirectory, told: Callable[[StudyProgress], None]) -> None:
    """Do what is left of the chosen members.

    Raises:
        Mismatch: a member was begun with other settings than it has now.
        ValueError: a step does not fit for a reason that could not be checked before.
    """
    members, path = chosen(study), directory.path
    left = {member: list(_left(steps_of(study, member), path)) for member in members}
    work = [step.kind.work(step.configuration(path, whole=False)) for steps in left.values() for step in steps]
    total, done, finished = sum(work), 0.0, sum(not steps for steps in left.values())
    for member, steps in left.items():
        for step in steps:
            share = work.pop(0)
            _carry_out(step, path, _teller(told, StudyProgress(member, finished, len(members), done, total, ""), share))
            done += share
        finished += bool(steps)
    told(StudyProgress("", finished, len(members), done, total, ""))


def _teller(told: Callable[[StudyProgress], None], now: StudyProgress, share: float) -> Callable[[StepProgress], None]:
    """What a step tells, as what its study tells: the step is `share` of the work."""
    told(now._replace(note="compiling"))
    return lambda step: told(now._replace(done=now.done + share * step.share, note=step.note))


def _left(steps: Sequence[Step], directory: Path) -> Iterator[Step]:
    return (step for step in steps if not step.kind.finished(directory / step.folder))


def _carry_out(step: Step, directory: Path, told: Callable[[StepProgress], None]) -> None:
    """One step, after which its compiled programs are forgotten: a study has dozens of them."""
    try:
        step.kind.carry_out(step.configuration(directory), directory / step.folder, told)
    except Mismatch as error:
        raise Mismatch(f"{step.member}: {error}") from None
    except ValueError as error:
        raise ValueError(f"{step.folder}: {error}") from error
    finally:
        jax.clear_caches()
