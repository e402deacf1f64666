"""A training step of convolutional spiking networks, beside the same network in plain PyTorch."""

import statistics
import sys
from pathlib import Path

import checks
import machine
import turns
from compare import HERE, PEER_PYTHON, best, outcome
from convolution_cases import NETS
from formats import markdown, number, ratio

LIMIT = 1.7
"""Ours may take so many times as long as PyTorch's (issue 4, house.md)."""


def configurations(cores: int) -> list[tuple[str, dict]]:
    """Uses of the machine to try on either side; the best one counts."""
    devices = [1, 0] if cores > 1 else [1]
    theirs = [{"threads": cores, "channels-last": last} for last in (0, 1)]
    return [("ours", {"devices": count}) for count in devices] + [("peer", settings) for settings in theirs]


def command_of(side: str, name: str, settings: dict, inputs: Path, folder: Path, repeats: int) -> list[object]:
    """Command line of one process."""
    chosen = [part for key, value in settings.items() for part in (f"--{key}", value)]
    script = [sys.executable, HERE / "convolution_ours.py"]
    if side == "peer":
        script = [PEER_PYTHON, HERE / "peers" / "convolution_peer.py"]
    return [*script, name, inputs, folder, "--repeats", repeats, *chosen]


def measure(name: str, repeats: int, folder: Path) -> dict:
    """Every configuration once and checked, then the best of both sides in turns."""
    folder.mkdir(parents=True)
    inputs, runs, arrays = folder / "inputs.npz", [], []
    NETS[name].inputs(inputs)
    for number_of_run, (side, settings) in enumerate(configurations(machine.cores())):
        out = folder / str(number_of_run)
        record, written = machine.execute_script(command_of(side, name, settings, inputs, out, repeats), out)
        print(f"  {side} {settings}: {outcome(record)}", flush=True)
        runs.append(record | {"side": side, "configuration": settings})
        arrays.append(written)
    _check(runs, arrays)
    ours, peer = (best([run for run in runs if run["side"] == side]) for side in ("ours", "peer"))
    record = {"net": name, "passed": all(run["check"]["passed"] for run in runs), "ratio": None, "runs": runs}
    if not record["passed"]:
        return record
    commands = [
        command_of(side, name, found["configuration"], inputs, folder, 1)
        for side, found in (("ours", ours), ("peer", peer))
    ]
    mine, theirs = turns.alternate(commands, 2 * repeats)
    medians = {
        "ours": ours | {"median_s": statistics.median(mine)},
        "best_peer": peer | {"median_s": statistics.median(theirs)},
    }
    return record | medians | {"ratio": turns.ratio(mine, theirs), "turns": {"ours": mine, "peer": theirs}}


def _check(runs: list[dict], arrays: list[Path | None]) -> None:
    """Every run against the first of the other side: equal spikes, parallel gradients."""
    first = {
        side: next((path for run, path in zip(runs, arrays, strict=True) if run["side"] == side and path), None)
        for side in ("ours", "peer")
    }
    for run, path in zip(runs, arrays, strict=True):
        other = first["peer" if run["side"] == "ours" else "ours"]
        if path is None or other is None:
            run["check"] = {"passed": False, "reason": "a process failed"}
        else:
            run["check"] = checks.same_gradients(path, other, late=False)


def outcome_of(record: dict) -> str:
    """One line about a network."""
    return "FAILED" if record["ratio"] is None else f"ratio {record['ratio']:.2f}, limit {1 / LIMIT:.2f}"


def table(records: list[dict]) -> str:
    """The section of the page."""
    rows = []
    for record in records:
        net = NETS[record["net"]]
        times = [number(record[side]["median_s"] * 1e3) if record["ratio"] else "-" for side in ("ours", "best_peer")]
        rate = max(run["check"].get("rate", 0.0) for run in record["runs"])
        rows.append([net.title, f"{net.steps} x {net.batch}", f"{rate:.2f}", *times, ratio(record["ratio"])])
    header = ["network", "steps x batch", "spikes a cell and step of the last layer", "ours ms", "PyTorch ms", "ratio"]
    return markdown(header, rows)
