"""Settings of a study: many runs that answer one question together, every field with a sentence."""

from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from typing import Any, Literal

import msgspec

from metaplast.config import decode
from metaplast.runs import check_condition

FAMILY, STUDY = "{family}", "{study}"
"""What stands in a plan for each of its families, and for the directory of the study."""


class StepSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One thing that is done for a member."""

    kind: str
    """What is done: a name in `experiments.study.steps.KINDS`."""
    settings: list[str] = []
    """Settings `a.b=value` of this step, after those of its member; `{study}` is the directory of the study."""


class MemberSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One run of a study, and what comes before and after it."""

    base: str = ""
    """Named experiment or file with which its settings begin; left out, that of `like`."""
    like: str = ""
    """Another member, whose base and settings come before its own."""
    families: list[str] = []
    """Families of the study for which there is such a member; left out, all of them."""
    panel: str = ""
    """Where the report shows it: conditions of one panel are compared, so they must share tasks and criterion."""
    fit: bool = False
    """Whether the report fits its seeds as Goudar et al. (2023) do and shows them beside the published numbers."""
    settings: list[str] = []
    """Settings `a.b=value` of all its steps."""
    steps: list[StepSettings] = msgspec.field(default_factory=lambda: [StepSettings("run")])
    """What is done, one after the other; a member without a step is only there for others to be like."""


class StudySettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What runs belong to a study, and how its report groups them."""

    plan: dict[str, MemberSettings]
    """Members by name; one with `{family}` in its name stands for a member of each family."""
    title: str = "A study"
    """Heading of the report."""
    experiment: Literal["study"] = "study"
    """Kind of experiment."""
    preset: str = ""
    """Preset that was laid over the defaults."""
    families: list[str] = []
    """What `{family}` stands for in a plan; the claims of the report are about the panels of these names."""
    members: list[str] = msgspec.field(default_factory=lambda: ["*"])
    """Globs of the members to run; a study that goes on has those of before unless others are given. The report shows
    what is there of all."""
    settings: dict[str, list[str]] = {}
    """By kind of step, settings `a.b=value` that every such step takes last."""
    pooled: dict[str, list[str]] = {}
    """Conditions that are the mean over others, for each seed: by name, globs of the conditions."""
    assumed: list[str] = []
    """What no source tells and was therefore chosen; shown in the report."""


def expanded(study: StudySettings) -> StudySettings:
    """The study with a member for each family and with what members take from one another written out.

    Raises:
        ValueError: a member that is like none, like itself, or has neither base nor like; a name unfit for a folder.
    """
    plan: dict[str, MemberSettings] = {}
    for name, member in study.plan.items():
        plan |= dict(_for_families(name, member, study.families))
    for name in plan:
        check_condition(name)
    whole = {name: _written_out(plan, name) for name in plan}
    return msgspec.structs.replace(study, plan={name: member for name, member in whole.items() if member.steps})


def _for_families(name: str, member: MemberSettings, families: Sequence[str]) -> Iterator[tuple[str, MemberSettings]]:
    if FAMILY not in name:
        yield name, member
        return
    if not families:
        raise ValueError(f"plan.{name}: families is empty; name those for which {FAMILY} stands")
    for family in families:
        if not member.families or family in member.families:
            table = _replaced(msgspec.to_builtins(member), FAMILY, family)
            yield name.replace(FAMILY, family), decode(table, MemberSettings)


def _replaced(value: Any, old: str, new: str) -> Any:
    """`value` with `old` replaced by `new` in every text."""
    if isinstance(value, str):
        return value.replace(old, new)
    if isinstance(value, dict):
        return {key: _replaced(inner, old, new) for key, inner in value.items()}
    return [_replaced(inner, old, new) for inner in value] if isinstance(value, list) else value


def _written_out(plan: dict[str, MemberSettings], name: str, seen: tuple[str, ...] = ()) -> MemberSettings:
    member = plan[name]
    if not member.like:
        if not member.base:
            raise ValueError(f"plan.{name} has no base; give a named experiment, a .toml file, or a member in `like`")
        return member
    if member.like not in plan or member.like in (*seen, name):
        others = ", ".join(other for other in plan if other != name)
        raise ValueError(f"plan.{name}.like is {member.like!r}; give another member: {others}")
    parent = _written_out(plan, member.like, (*seen, name))
    return msgspec.structs.replace(
        member, like="", base=member.base or parent.base, settings=[*parent.settings, *member.settings]
    )


def chosen(study: StudySettings) -> list[str]:
    """Names of the members to run now, in the order of the plan.

    Raises:
        ValueError: a glob that names no member.
    """
    if not study.members:
        raise ValueError(
            f'members is empty; give globs of those to run, such as members=["*"]: {", ".join(study.plan)}'
        )
    for pattern in study.members:
        if not any(fnmatchcase(name, pattern) for name in study.plan):
            raise ValueError(f"members: {pattern!r} matches no member; there are: {', '.join(study.plan)}")
    return [name for name in study.plan if any(fnmatchcase(name, pattern) for pattern in study.members)]
