"""One case against one peer: every configuration of either side, checked, and the best of each."""

import json
import statistics
import sys
from dataclasses import dataclass
from pathlib import Path

import checks
import machine
import turns
from workloads import PEERS, Case

HERE = Path(__file__).resolve().parent
PEER_PYTHON = machine.ROOT / ".venv-bench" / "bin" / "python"


@dataclass(frozen=True)
class Options:
    """What holds for the whole benchmark."""

    repeats: int
    quick: bool
    folder: Path
    """Where the processes leave their arrays."""


def compare(case: Case, name: str, inputs: Path, options: Options) -> dict:
    """Ours, the peer, and ours again, so that a drift of the machine shows; one process after the other."""
    cores = machine.cores()
    ours = case.our_configurations(cores)
    peers = PEERS[name].configurations(case, cores, compile_too=not options.quick)
    plan = [("ours", settings) for settings in ours]
    plan += [("peer", settings) for settings in peers]
    plan += [("ours", settings) for settings in ours]
    runs, arrays = [], []
    for number, (side, settings) in enumerate(plan):
        folder = options.folder / f"{case.name}-{name}-{number}"
        command = command_of(side, case, name, settings, inputs, folder, case.repeats(options.repeats))
        record, written = machine.execute_script(command, folder)
        record |= {"side": side, "configuration": settings}
        print(f"  {side} {settings}: {outcome(record)}", flush=True)
        runs.append(record)
        arrays.append(written)
    check_all(case, name, runs, arrays)
    record = summarise(case, name, runs)
    if record["passed"] and not PEERS[name].torch:
        record |= in_turns(case, name, record, inputs, options)
    return record


def in_turns(case: Case, name: str, record: dict, inputs: Path, options: Options) -> dict:
    """The best of both sides once more, in turns of a few calls: where the two are close, drift must not decide."""
    sides = (("ours", record["ours"]), ("peer", record["best_peer"]))
    commands = [
        command_of(side, case, name, found["configuration"], inputs, options.folder, 1) for side, found in sides
    ]
    ours, theirs = turns.alternate(commands, 2 * options.repeats)
    found = turns.ratio(ours, theirs)
    print(f"  in turns: {found:.2f}", flush=True)
    return {
        "ratio": found,
        "ratio_one_after_the_other": record["ratio"],
        "ours": record["ours"] | {"median_s": statistics.median(ours)},
        "best_peer": record["best_peer"] | {"median_s": statistics.median(theirs)},
        "turns": {"ours": ours, "peer": theirs},
    }


def command_of(
    side: str, case: Case, name: str, settings: dict, inputs: Path, folder: Path, repeats: int
) -> list[object]:
    """Command line of one process."""
    shared = [case.workload, inputs, folder, "--repeats", repeats]
    if side == "ours":
        chosen = [part for key, value in settings.items() for part in (f"--{key}", value)]
        return [sys.executable, HERE / "ours.py", *shared, "--like", name, *chosen]
    compiled = ["--compile"] if settings["compiled"] else []
    return [PEER_PYTHON, HERE / "peers" / f"{name}_peer.py", *shared, "--threads", settings["threads"], *compiled]


def outcome(record: dict) -> str:
    """One line about a finished process."""
    if "failed" in record:
        return "FAILED: " + record["failed"].strip().splitlines()[-1]
    return f"median {record['median_s'] * 1e3:.1f} ms, first call {record['first_call_s']:.2f} s"


def check_all(case: Case, name: str, runs: list[dict], arrays: list[Path | None]) -> None:
    """Put a check into every run: against the first run of the other side, whose check is thus the same one."""
    first = {
        side: next((path for run, path in zip(runs, arrays, strict=True) if run["side"] == side and path), None)
        for side in ("ours", "peer")
    }
    for run, path in zip(runs, arrays, strict=True):
        mine, theirs = (path, first["peer"]) if run["side"] == "ours" else (first["ours"], path)
        if path is None or mine is None or theirs is None:
            run["check"] = {"passed": False, "reason": "a process failed"}
        elif case.workload == "stdp":
            run["check"] = checks.lively(path)
        else:
            run["check"] = checks.same_gradients(mine, theirs, late=name == "spyx")


def summarise(case: Case, name: str, runs: list[dict]) -> dict:
    """The record of a comparison; a ratio only if every run that ended passed its check."""
    ours, peer = (best([run for run in runs if run["side"] == side]) for side in ("ours", "peer"))
    passed = bool(ours and peer) and all(run["check"]["passed"] for run in runs if not may_fail(run))
    record = {
        "workload": case.workload,
        "n": case.cells,
        "b": case.batch,
        "t": case.steps,
        "peer": name,
        "passed": passed,
        "ours": ours,
        "best_peer": peer,
        "ratio": peer["median_s"] / ours["median_s"] if passed else None,
        "runs": runs,
    }
    return record if case.workload == "stdp" else record | {"product_flop": case.product_flop}


def may_fail(run: dict) -> bool:
    """torch.compile needs a C++ compiler; without one the plain step of the peer counts."""
    return "failed" in run and bool(run["configuration"].get("compiled"))


def best(runs: list[dict]) -> dict | None:
    """The configuration with the lowest median, the seconds of its runs taken together; only checked runs count."""
    groups: dict[str, list[dict]] = {}
    for run in runs:
        if run["check"]["passed"]:
            groups.setdefault(json.dumps(run["configuration"]), []).append(run)
    pooled = [
        {
            "configuration": json.loads(settings),
            "median_s": statistics.median(second for run in group for second in run["seconds"]),
            "run_medians_s": [run["median_s"] for run in group],
            "first_call_s": statistics.median(run["first_call_s"] for run in group),
        }
        for settings, group in groups.items()
    ]
    return min(pooled, key=lambda group: group["median_s"], default=None)
