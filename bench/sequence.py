"""Time of a whole learning sequence: delayed-match-to-sample problems by intrinsic learning, in one lane and in ten."""

import json
import sys
from pathlib import Path

import machine

CONDITIONS = 'conditions={intrinsic=["*.weight","*.bias","*.tau_dendrite","*.tau_soma","*.threshold"]}'
LANES = 1, 10


def learn(problems: int, lanes: int, folder: Path) -> dict:
    """Run the command line; seconds without compilation, as its summary gives them."""
    program = Path(sys.executable).with_name("metaplast")
    settings = [CONDITIONS, f"run.problems={problems}", f"run.seeds={lanes}"]
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
    condition, seconds = summary["conditions"]["intrinsic"], summary["seconds"]
    return {
        "seconds": seconds,
        "compile_s": summary["seconds_compile"],
        "problems_per_s": condition["attempts"] / seconds,
        "updates_per_s": sum(condition["updates_total_by_seed"]) / seconds,
        "failures": condition["failures"],
    }
