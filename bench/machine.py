"""The machine, and one process after the other on it."""

import json
import os
import platform
import resource
import subprocess
import time
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
UNSET = ("XLA_FLAGS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "JAX_COMPILATION_CACHE_DIR", "PYTHONPATH")
"""Settings of the user that would change one side."""


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)


def describe() -> dict:
    """Processor, cores, memory, system and date."""
    model = _field("/proc/cpuinfo", "model name") or platform.processor() or platform.machine()
    memory = _field("/proc/meminfo", "MemTotal")
    return {
        "cpu": model,
        "cores": cores(),
        "memory_gb": round(int(memory.split()[0]) / 2**20, 1) if memory else None,
        "system": platform.platform(),
        "python": platform.python_version(),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": commit(),
    }


def commit() -> str:
    """The state of the sources, if git knows it."""
    try:
        command = ["git", "describe", "--always", "--dirty", "--abbrev=12"]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def _field(path: str, name: str) -> str:
    try:
        lines = Path(path).read_text().splitlines()
    except OSError:
        return ""
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith(name)), "")


def execute(command: list[object], folder: Path) -> dict:
    """Run one process to its end; how loaded the machine was before, and how much others took of it meanwhile."""
    folder.mkdir(parents=True)
    environment = {name: value for name, value in os.environ.items() if name not in UNSET}
    environment |= {"JAX_PLATFORMS": "cpu", "TORCHINDUCTOR_CACHE_DIR": str(folder / "inductor")}
    load, busy, own, began = os.getloadavg()[0], _busy_seconds(), _own_seconds(), time.perf_counter()
    done = subprocess.run([str(part) for part in command], env=environment, capture_output=True, text=True)
    elapsed = time.perf_counter() - began
    others = (_busy_seconds() - busy - (_own_seconds() - own)) / elapsed
    record = {"load_before": load, "cores_taken_by_others": round(max(others, 0.0), 2), "process_s": round(elapsed, 2)}
    if done.returncode:
        record["failed"] = (done.stderr or done.stdout)[-1500:]
    return record


def execute_script(command: list[object], folder: Path) -> tuple[dict, Path | None]:
    """The same for a script that leaves one JSON and one npz file in `folder`: its record, and its arrays."""
    record = execute(command, folder)
    written = next(iter(folder.glob("*.json")), None)
    if written is None:
        return record | {"failed": record.get("failed", "it wrote nothing")}, None
    inner = json.loads(written.read_text())
    inner.pop("load_average", None)  # taken at the end, when its own work counts
    return record | inner, next(iter(folder.glob("*.npz")), None)


def _own_seconds() -> float:
    return sum(
        usage.ru_utime + usage.ru_stime
        for usage in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    )


def _busy_seconds() -> float:
    """Time that all processes of the machine, and other guests of its host, took from its cores."""
    try:
        fields = [int(part) for part in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
    except OSError:
        return _own_seconds()
    return (sum(fields) - fields[3] - fields[4]) / os.sysconf("SC_CLK_TCK")
