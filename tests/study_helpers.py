"""A study that was never run: its directory is written with made-up updates, whose true ratios are known."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from metaplast.runs import ProblemRow, RunDirectory

Cost = Callable[[int, int], tuple[int, bool]]
"""(seed, problem) -> (updates, whether it was solved)."""
LIMIT = 2000
TINY = """
title = "Tiny"
experiment = "study"
families = ["dms"]

[plan."{family}"]
base = "{family}"
panel = "{family}"
settings = ["model.name=rate"]
steps = [
    { kind = "search" },
    { kind = "run", settings = [
        'conditions={standard=["*readout.weight"]}',
        'conditions.bi-level="{study}/search-{family}/allocation.toml"',
    ] },
]

[plan."{family}-again"]
base = "{family}"
panel = "{family}"
settings = ["model.name=rate"]
steps = [
    { kind = "run", settings = [
        'conditions={standard=["*readout.weight"]}',
        'conditions.bi-level=["*readout.weight", "*.weight"]',
    ] },
]

[settings]
run = ["model.neurons=8", "criterion.limit=3", "criterion.window=2", "run.problems=4", "run.chunk=2"]
search = ["search.name=preset", 'search.mask="1"', 'pilot.always=["*readout.weight"]', 'pilot.groups={a=["*.weight"]}']
"""
"""Quick to compile; the search has nothing to measure, and chooses what the second member has from the start."""


def plan(name: str, panel: str, fit: bool = False) -> dict[str, object]:
    return {"base": name, "like": "", "families": [], "panel": panel, "fit": fit, "settings": [], "steps": []}


def falling(scale: float, floor: float = 10.0, fails: float = 0.0, drift: float = 0.0) -> Cost:
    """Updates that fall from 300 to `floor`, both times `scale`, with noise that all conditions share.

    Some fail at random, and the floor grows by the share `drift` over 1000 problems.
    """

    def cost(seed: int, problem: int) -> tuple[int, bool]:
        draw = np.random.default_rng([seed, problem])
        if draw.random() < fails:
            return LIMIT, False
        level = 300 * np.exp(-problem / 12) + floor * (1 + drift * problem / 1000)
        return int(max(level * scale * draw.gamma(30, 1 / 30) * (1 + 0.02 * np.sin(seed)), 5)), True

    return cost


def write_member(
    study: Path,
    name: str,
    conditions: Mapping[str, Cost],
    seeds: int,
    problems: int,
    *,
    finished: bool = True,
    model: str = "spiking",
) -> RunDirectory:
    """The directory of one member, as `metaplast run` leaves it, without networks."""
    run = RunDirectory.create(study / name)
    run.write_config(
        {
            "title": name,
            "experiment": "learning-to-learn",
            "assumed": ["durations"],
            "family": {"name": "delayed-match"},
            "model": {"name": model},
            "criterion": {"window": 5, "limit": LIMIT},
            "learning": {"batch": 8},
            "run": {"problems": problems, "seeds": seeds},
            "conditions": {condition: ["*.weight"] for condition in conditions},
        }
    )
    rows = []
    for condition, cost in conditions.items():
        for seed in range(seeds):
            for problem in range(problems if finished else problems // 2):
                updates, solved = cost(seed, problem)
                rows.append(ProblemRow(condition, seed, problem, updates, 0.01, 1.0, solved, 10.0))
    run.append_problems(rows)
    if finished:
        run.write_summary({"seconds": 60.0, "conditions": {}})
    return run


def write_search(study: Path, name: str, chosen: str, problems: Mapping[str, int]) -> None:
    """The directory of a search that ran so many pilot problems of each mask, on one network."""
    run = RunDirectory.create(study / f"search-{name}")
    run.write_config({"pilot": {"groups": {"a": [], "b": [], "c": []}, "seeds": 1}})
    rows = [ProblemRow(mask, 0, i, 10, 0.01, 1.0, True, 1.0) for mask, count in problems.items() for i in range(count)]
    run.append_problems(rows)
    run.write_summary({"chosen": chosen, "updates": 10 * len(rows)})


def write_sweep(study: Path, name: str, scores: Mapping[str, Mapping[float, float]], edge: str = "") -> None:
    """The summary of a sweep with these mean updates by model and rate; the least is chosen, and said to be an edge.

    A model solved nothing if that is the limit.
    """
    models = {
        model: {
            "scores": [{"rate": rate, "score": score} for rate, score in found.items()],
            "chosen": {
                "rate": min(found, key=lambda rate: found[rate]),
                "edge": edge,
                "solved": min(found.values()) < LIMIT,
            },
        }
        for model, found in scores.items()
    }
    RunDirectory.create(study / f"sweep-{name}").write_summary({"models": models})


def write_study(path: Path, members: Mapping[str, Mapping[str, object]], families: Sequence[str]) -> RunDirectory:
    """The directory of a study with this plan."""
    study = RunDirectory.create(path)
    study.write_config(
        {
            "title": "A made-up study",
            "experiment": "study",
            "families": list(families),
            "pooled": {"random mask": ["random-*"]},
            "assumed": ["everything"],
            "plan": dict(members),
        }
    )
    study.write_meta({"version": "0", "started": "2026-01-01"})
    return study
