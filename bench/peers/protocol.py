"""Shared protocol of the peer benchmarks: arguments, timing loop and output files.

Every peer script is called as

    python bench/peers/<library>_peer.py WORKLOAD INPUTS.npz OUT_DIR [--repeats 7]

and hands `main` one builder per workload. Only numpy is imported here, so that the
protocol itself cannot favour a library.
"""

import argparse
import json
import os
import resource
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from turns import serve

BETA = 0.5
THRESHOLD = 1.0
WARM_UPS = 2

ARCTAN = "spike'(x) := 1 / (1 + (pi*x)^2), x = v - threshold"


@dataclass
class Workload:
    """One benchmark case of one peer.

    `run` is the timed call and returns only once its result is ready; `collect` turns
    that result into the arrays to store and is never timed.
    """

    run: Callable[[], object]
    collect: Callable[[object], dict[str, np.ndarray]]
    equation: str
    semantics: str
    extra: dict[str, object] = field(default_factory=dict)


def parse_arguments(
    workloads: tuple[str, ...], variants: tuple[str, ...], compilable: tuple[str, ...]
) -> argparse.Namespace:
    """Read the command line; the first variant is the default."""
    parser = argparse.ArgumentParser()
    parser.add_argument("workload", choices=workloads)
    parser.add_argument("inputs", type=Path)
    parser.add_argument("out_dir", type=Path)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--variant", choices=variants, default=variants[0])
    parser.add_argument("--threads", type=int, default=2, help="threads of PyTorch; JAX takes every core")
    parser.add_argument("--turns", action="store_true", help="time a call whenever a line comes in, see turns.py")
    parser.add_argument("--compile", action="store_true", help="torch.compile the time step (needs a C++ compiler)")
    options = parser.parse_args()
    if options.compile and options.workload not in compilable:
        parser.error(f"{options.workload} of this peer has no step for torch.compile")
    return options


def peak_rss_mb() -> float:
    """Largest resident memory of this process so far (Linux reports KiB)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def timed(run: Callable[[], object]) -> tuple[object, float]:
    """The result of one call, and its seconds."""
    start = time.perf_counter()
    result = run()
    return result, time.perf_counter() - start


def time_runs(run: Callable[[], object], repeats: int) -> tuple[object, float, list[float]]:
    """Return the last result, the time of the first call and those of `repeats` warm calls."""
    result, first_call = timed(run)
    seconds = []
    for _ in range(WARM_UPS + repeats):
        result = None  # an old result would count as memory of the next run
        result, elapsed = timed(run)
        seconds.append(elapsed)
    return result, first_call, seconds[WARM_UPS:]


def describe_inputs(workload: str, inputs: dict[str, np.ndarray]) -> dict[str, int]:
    """Sizes of the case: neurons `n`, batch `b` and time steps `t`."""
    steps, batch, neurons = inputs["pre" if workload == "stdp" else "x"].shape
    return {"n": neurons, "b": batch, "t": steps}


def write_results(
    options: argparse.Namespace, peer: str, record: dict[str, object], arrays: dict[str, np.ndarray]
) -> None:
    """Write OUT_DIR/<peer>_<workload>_<N or B>[_<variant>][_compiled].npz and .json."""
    size = record["b" if options.workload == "stdp" else "n"]
    stem = f"{peer}_{options.workload}_{size}"
    if not record["default_variant"]:
        stem += f"_{options.variant}"
    if options.compile:
        stem += "_compiled"
    options.out_dir.mkdir(parents=True, exist_ok=True)
    np.savez(options.out_dir / f"{stem}.npz", **arrays)
    (options.out_dir / f"{stem}.json").write_text(json.dumps(record, indent=2) + "\n")
    print(f"{stem}: median {record['median_s']:.4f} s, first call {record['first_call_s']:.3f} s")


def main(
    peer: str,
    versions: dict[str, str],
    builders: dict[str, Callable[[dict[str, np.ndarray], argparse.Namespace], Workload]],
    variants: tuple[str, ...] = ("default",),
    compilable: tuple[str, ...] = (),
    set_threads: Callable[[int], None] | None = None,
) -> None:
    """Run the workload named on the command line, then write its arrays and its timings.

    A peer without `set_threads` uses every core it may, which the record then says.
    """
    options = parse_arguments(tuple(builders), variants, compilable)
    if set_threads:
        set_threads(options.threads)
    with np.load(options.inputs) as archive:
        inputs = dict(archive)
    sizes = describe_inputs(options.workload, inputs)
    workload = builders[options.workload](inputs, options)
    if options.turns:
        serve(lambda: timed(workload.run)[1])
        return

    rss_before = peak_rss_mb()
    result, first_call, seconds = time_runs(workload.run, options.repeats)
    rss_peak = peak_rss_mb()

    record = {
        "peer": peer,
        **versions,
        "workload": options.workload,
        "variant": options.variant,
        "default_variant": options.variant == variants[0],
        "compiled": options.compile,
        **sizes,
        "threads": options.threads if set_threads else len(os.sched_getaffinity(0)),
        "load_average": os.getloadavg()[0],
        "first_call_s": first_call,
        "seconds": seconds,
        "median_s": statistics.median(seconds),
        "ms_per_step": 1000 * statistics.median(seconds) / sizes["t"],
        "peak_rss_mb": rss_peak,
        "rss_before_first_call_mb": rss_before,
        "equation": workload.equation,
        "semantics": workload.semantics,
        **workload.extra,
    }
    write_results(options, peer, record, workload.collect(result))
