"""Whole lanes an hour: learning sequences of every model, and the same protocol written in plain PyTorch."""

import sys
from dataclasses import dataclass
from pathlib import Path

import checks
import machine
import sequence
from compare import HERE, PEER_PYTHON

WHOLE = 1000
"""Problems of a lane."""
LANES = 10
"""As many as a study has: two lanes that need unlike numbers of updates left one core idle for half of the time."""


@dataclass(frozen=True)
class Model:
    """A model of `metaplast run dms`, and how many problems of each lane are measured.

    Fewer than all of a model that needs hundreds of updates for each, of which a whole lane would take an hour.
    """

    title: str
    settings: tuple[str, ...]
    problems: int = WHOLE


MODELS = (
    Model("spiking", (sequence.CONDITIONS,)),
    Model("rate", ("model.name=rate",), 10),
    Model("GRU", ("model.name=gru",), 20),
    *(
        Model(
            f"self-attention, {count} head" + "s" * (count > 1),
            ("model.name=self-attention", f"model.heads={count}"),
            problems,
        )
        for count, problems in ((1, 2), (2, 20), (4, 20))
    ),
)


def configurations(cores: int) -> list[dict]:
    """Uses of the machine by PyTorch; the best one counts."""
    tried = [{"threads": 1, "processes": 1}, {"threads": cores, "processes": 1}, {"threads": 1, "processes": cores}]
    return tried if cores > 1 else tried[:1]


def measure(model: Model, quick: bool, folder: Path) -> dict:
    """Ours and PyTorch one after the other; lanes an hour of both, and their ratio if both learned the same."""
    record = {"model": model.title, "settings": model.settings, "problems": WHOLE, "passed": False, "ratio": None}
    start = folder / "start"
    found, given = machine.execute_script([sys.executable, HERE / "first_updates.py", start, *model.settings], start)
    if given is None:
        return record | {"failed": found["failed"]}
    problems = min(model.problems, 5) if quick else model.problems
    record["ours"] = ours = sequence.learn(problems, LANES, folder / "ours", model.settings)
    record["peers"] = [
        in_torch(given, settings, 5 if quick else 15, folder) for settings in configurations(machine.cores())
    ]
    record["passed"] = "failed" not in ours and all(run["check"]["passed"] for run in record["peers"])
    return record | (rates(ours, record["peers"]) if record["passed"] else {})


def in_torch(given: Path, settings: dict, seconds: float, folder: Path) -> dict:
    """One process of PyTorch (or the parent of several), checked."""
    out = folder / "-".join(f"{name}{count}" for name, count in settings.items())
    options = [part for name, count in settings.items() for part in (f"--{name}", count)]
    command = [PEER_PYTHON, HERE / "peers" / "torch_protocol.py", given, out, *options, "--seconds", seconds]
    record, repeated = machine.execute_script(command, out)
    same = checks.same_learning(given, repeated) if repeated else {"passed": False, "reason": "the process failed"}
    return record | {"configuration": settings, "check": same}


def rates(ours: dict, peers: list[dict]) -> dict:
    """Lanes an hour. PyTorch is timed over a part of a lane, whose updates ours has counted."""
    best = max(peers, key=lambda run: run["updates_per_s"])
    updates = ours["updates_per_lane"] * WHOLE / ours["problems"]
    hourly = 3600 * ours["lanes"] / ours["seconds"] * ours["problems"] / WHOLE
    theirs = 3600 * best["updates_per_s"] / updates
    return {
        "updates_per_lane": updates,
        "lanes_per_hour": hourly,
        "best_peer": {name: best[name] for name in ("configuration", "updates_per_s")} | {"lanes_per_hour": theirs},
        "ratio": hourly / theirs,
    }


def outcome(record: dict) -> str:
    """One line about a model."""
    if record["ratio"] is None:
        return "FAILED"
    theirs = record["best_peer"]
    return (
        f"{record['lanes_per_hour']:.0f} lanes an hour, PyTorch {theirs['lanes_per_hour']:.1f} "
        f"({theirs['configuration']}), ratio {record['ratio']:.2f}"
    )
