"""A study as its report sees it: which members are there, and the conditions that may be compared, panel by panel."""

from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

from metaplast.analysis.learning_to_learn.curves import (
    attempted_by_all,
    counted_problems,
    ends_in_words,
    given_up_at,
    late,
    updates_matrix,
)
from metaplast.analysis.study.swept_rates import doubt_of_rate, doubts_in_words
from metaplast.runs import ProblemTable, RunDirectory

BI_LEVEL, INNER_ONLY, STANDARD, RANDOM = "bi-level", "inner-only", "standard", "random mask"
FIRST = (BI_LEVEL, INNER_ONLY, STANDARD, RANDOM)
"""Conditions that every table and figure begins with, where they are there."""
MASK = "random-"
"""With which the names of masks begin that are neither all nor none: random-101."""


class Sequences(NamedTuple):
    """What one condition spent on the problems of a sequence, or the mean over several pooled ones.

    Where a network has given up, the sequence goes as far as all seeds attempted; failures count beyond it too.
    """

    seeds: list[int]
    updates: Float[np.ndarray, "seeds problems"]
    """A failed problem counts with the limit, also where a loss that is not a number ended it early."""
    solved: Float[np.ndarray, "seeds problems"]
    """1 where the problem was solved, 0 where it failed; of pooled conditions the mean."""
    pooled: int = 1
    """Conditions over which this is the mean."""
    beyond: tuple[np.ndarray, ...] = ()
    """By seed the same as `solved`, of the problems that not all seeds attempted; of pooled conditions none."""

    @property
    def problems(self) -> int:
        return self.updates.shape[1]

    @property
    def attempts(self) -> int:
        return self.updates.size * self.pooled + sum(map(len, self.beyond))

    @property
    def failures(self) -> int:
        beyond = sum(float((1.0 - row).sum()) for row in self.beyond)
        return round(float((1.0 - self.solved).sum()) * self.pooled + beyond)

    def outcomes(self, seed: int) -> np.ndarray:
        """`solved` of all that one seed attempted, until it gave up if it did."""
        place = self.seeds.index(seed)
        return np.concatenate([self.solved[place], self.beyond[place]]) if self.beyond else self.solved[place]

    def totals(self, part: slice = slice(None)) -> dict[int, float]:
        """Updates of every seed over a part of the sequence."""
        return dict(zip(self.seeds, self.updates[:, part].sum(axis=1).tolist(), strict=True))


class Panel(NamedTuple):
    """Conditions that met the same problems."""

    name: str
    conditions: dict[str, Sequences]
    member: dict[str, str]
    """By condition the member that it comes from; pooled ones have none."""
    models: dict[str, str]
    """By condition the kind of its network."""
    planned: dict[str, int]
    """By condition how many problems its networks were to meet; some may have given up before."""
    doubts: dict[str, str]
    """By condition what is doubtful about its learning rate, in words; empty where nothing is."""
    notes: list[str]
    """What keeps conditions from being compared fairly."""

    def common(self, *names: str) -> int:
        """Problems that all these conditions met."""
        return min(self.conditions[name].problems for name in names)

    def totals(self, names: Sequence[str], last: int | None = None) -> dict[str, dict[int, float]]:
        """Updates of every seed over the problems that all of `names` met, or over the `last` of them."""
        length = self.common(*names)
        part = slice(0 if last is None else max(length - last, 0), length)
        return {name: self.conditions[name].totals(part) for name in names}

    def baselines(self) -> list[str]:
        """Conditions of other networks than that of bi-level."""
        ours = self.models.get(BI_LEVEL)
        return [name for name, model in self.models.items() if BI_LEVEL in self.models and model != ours]

    def late(self, *names: str) -> int:
        """How many of the last common problems count as late."""
        return late(self.common(*names))


class Member(NamedTuple):
    """One member of a study, as far as it has come."""

    name: str
    panel: str
    fit: bool
    run: RunDirectory | None
    """None if nothing was begun."""
    finished: bool
    share: float
    """Part of its problems that were met, solved or not, from 0 to 1."""
    search: RunDirectory | None
    """The finished search that came before it, if any."""
    sweep: RunDirectory | None = None
    """The finished sweep over learning rates that came before it, if any."""
    doubt: str = ""
    """What is doubtful about its learning rate, in words; empty if nothing is."""

    @property
    def state(self) -> str:
        return "finished" if self.finished else "begun" if self.run else "missing"


class StudyResults(NamedTuple):
    """All that a report needs of a study."""

    directory: RunDirectory
    config: dict[str, Any]
    members: list[Member]
    panels: dict[str, Panel]
    """With at least one finished member each, in the order of the plan."""

    @property
    def families(self) -> list[str]:
        """Names of the panels that the claims are about, whether they are there or not."""
        return list(self.config.get("families", []))


def read_study(directory: RunDirectory) -> StudyResults:
    """Read a study from its directory, whatever is there of it.

    Raises:
        ValueError: the directory is not that of a study.
    """
    config = directory.config
    if config.get("experiment") != "study":
        raise ValueError(f"{directory.path} holds no study; `metaplast run ip2-study --out DIR` makes one")
    members = [read_member(directory.path, name, plan) for name, plan in config["plan"].items()]
    panels = {}
    for name in dict.fromkeys(member.panel for member in members if not member.fit):
        there = [member for member in members if member.panel == name and member.finished and not member.fit]
        if there:
            panels[name] = panel_of(name, there, config.get("pooled", {}))
    return StudyResults(directory, config, members, panels)


def read_member(study: Path, name: str, plan: Mapping[str, Any]) -> Member:
    """One member from its folder, and from those of its search and its sweep."""
    path = study / name
    search, sweep = (RunDirectory(study / f"{kind}-{name}") for kind in ("search", "sweep"))
    run = RunDirectory(path) if (path / "config.toml").is_file() else None
    finished = bool(run and run.summary)
    share = 1.0 if finished else _share(run) if run else 0.0
    before = (place if place.summary else None for place in (search, sweep))
    doubt = doubt_of_rate(study, plan, run.config.get("model", {})) if run else ""
    return Member(name, plan.get("panel") or name, plan.get("fit", False), run, finished, share, *before, doubt=doubt)


def _share(run: RunDirectory) -> float:
    config = run.config
    wanted = len(config["conditions"]) * config["run"]["seeds"] * config["run"]["problems"]
    return len(run.problems()) / wanted


def panel_of(name: str, members: Sequence[Member], pooled: Mapping[str, Sequence[str]]) -> Panel:
    """The conditions of all finished members of a panel, in one order everywhere."""
    found: dict[str, Sequences] = {}
    origin: dict[str, str] = {}
    for member in members:
        assert member.run is not None
        table = counted_problems(member.run)
        for condition in table.conditions():
            label = condition if condition not in found else f"{condition} ({member.name})"
            found[label], origin[label] = sequences(table, condition), member.name
    for label, patterns in pooled.items():
        matching = {pattern: [one for one in origin if fnmatchcase(one, pattern)] for pattern in patterns}
        if all(matching.values()):
            names = dict.fromkeys(name for group in matching.values() for name in group)
            found[label] = pool([found[name] for name in names])
    by_name = {member.name: member for member in members}
    models = {one: _entry(by_name[origin[one]], ("model", "name")) for one in origin}
    planned = {one: _entry(by_name[origin[one]], ("run", "problems")) for one in origin}
    doubts = {one: by_name[origin[one]].doubt for one in origin}
    order = sorted(found, key=lambda label: (FIRST.index(label) if label in FIRST else 9, label.startswith(MASK)))
    notes = [*differences(members), *doubts_in_words(doubts), *(note for one in members for note in gave_up(one))]
    return Panel(name, {label: found[label] for label in order}, origin, models, planned, doubts, notes)


def gave_up(member: Member) -> Iterator[str]:
    """In words, which conditions of a member have networks that gave up."""
    assert member.run is not None
    table, settings = member.run.problems(), member.run.config["run"]
    for condition in table.conditions():
        found = given_up_at(table, condition, settings.get("give_up", 0), settings["problems"])
        if found:
            yield (
                f"{condition} ({member.name}) gave up after {settings['give_up']} unsolved problems in a row "
                f"({ends_in_words(found)}); it is compared over the {min(found.values())} problems that all its seeds "
                "attempted"
            )


def sequences(table: ProblemTable, condition: str) -> Sequences:
    """One condition of a finished run, from its problems as `counted` has them."""
    updates = updates_matrix(table, condition, solved=False)
    solved, length = np.isfinite(updates_matrix(table, condition)), attempted_by_all(updates)
    outcomes, attempts = solved.astype(float), np.isfinite(updates[:, length:])
    beyond = tuple(row[there] for row, there in zip(outcomes[:, length:], attempts, strict=True))
    return Sequences(table.seeds(condition), updates[:, :length], outcomes[:, :length], beyond=beyond)


def pool(parts: Sequence[Sequences]) -> Sequences:
    """The mean over conditions, seed by seed and problem by problem, over what all of them have."""
    seeds = sorted(set.intersection(*(set(part.seeds) for part in parts)))
    length = min(part.problems for part in parts)
    rows = [[part.seeds.index(seed) for seed in seeds] for part in parts]
    mean = [
        np.mean([values[row, :length] for values, row in zip(column, rows, strict=True)], axis=0)
        for column in ([part.updates for part in parts], [part.solved for part in parts])
    ]
    return Sequences(seeds, mean[0], mean[1], len(parts))


def differences(members: Sequence[Member]) -> list[str]:
    """In what the members of a panel differ that should be the same for a comparison to be fair, in words."""
    notes, first = [], members[0]
    for member in members[1:]:
        for where in (("family",), ("criterion",), ("learning", "batch")):
            if _entry(first, where) != _entry(member, where):
                notes.append(f"{member.name} and {first.name} differ in {'.'.join(where)}")
    return notes


def _entry(member: Member, where: tuple[str, ...]) -> Any:
    value: Any = member.run.config if member.run else {}
    for key in where:
        value = value.get(key, {})
    return value
