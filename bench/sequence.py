"""Time of a whole learning sequence: delayed-match-to-sample problems by intrinsic learning, in one lane and in ten."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path

import machine

CONDITIONS = 'conditions={intrinsic=["*.weight","*.bias","*.tau_dendrite","*.tau_soma","*.threshold"]}'
LANES = 1, 10
TURNS = 3


def learn(problems: int, lanes: int, folder: Path, settings: Sequence[str] = (CONDITIONS,)) -> dict:
    """Run the command line with one condition; seconds without compilation, as its summary gives them."""
    program = Path(sys.executable).with_name("metaplast")
    settings = [*settings, f"run.problems={problems}", f"run.seeds={lanes}"]
    command = [program, "run", "dms", *(part for setting in settings for part in ("--set", setting))]
    run = folder / "run"
    record = machine.execute([*command, "--out", run], folder) | {"problems": problems, "lanes": lanes}
    if "failed" in record:
        return record
    try:
        return record | rates(json.loads((run / "summary.json").read_text()))
    except (OSError, ValueError, KeyError) as problem:
        return record | {"failed": f"summary.json is not as expected: {problem!r}"}


def rates(summary: dict) -> dict:
    """What the summary of a run says about its speed."""
    (condition,), seconds = summary["conditions"].values(), summary["seconds"]
    updates = condition["updates_total_by_seed"]
    return {
        "seconds": seconds,
        "compile_s": summary["seconds_compile"],
        "problems_per_s": condition["attempts"] / seconds,
        "updates_per_s": sum(updates) / seconds,
        "updates_per_lane": sum(updates) / len(updates),
        "failures": condition["failures"],
    }
