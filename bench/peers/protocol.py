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
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

BETA = 0.5
THRESHOLD = 1.0
THREADS = 2
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
    parser.add_argument(
        "--compile", action="store_true", help="torch.compile the time step (needs a C++ compiler)"
    )
    options = parser.parse_args()
    if options.compile and options.workload not in compilable:
        parser.error(f"{options.workload} of this peer has no step for torch.compile")
    return options


def peak_rss_mb() -> float:
    """Largest resident memory of this process so far (Linux reports KiB)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def time_runs(run: Callable[[], object], repeats: int) -> tuple[object, float, list[float]]:
    """Return the last result, the time of the first call and those of `repeats` warm calls."""

    def timed() -> tuple[object, float]:
        start = time.perf_counter()
        result = run()
        return result, time.perf_counter() - start

    result, first_call = timed()
    for _ in range(WARM_UPS):
        result, _ = timed()
    seconds = []
    for _ in range(repeats):
        result, elapsed = timed()
        seconds.append(elapsed)
    return result, first_call, seconds


def describe_inputs(workload: str, inputs: dict[str, np.ndarray]) -> dict[str, int]:
    """Sizes of the case: neurons `n`, batch `b` and time steps `t`."""
    steps, batch, neurons = inputs["pre" if workload == "stdp" else "x"].shape
    return {"n": neurons, "b": batch, "t": steps}


def main(
    peer: str,
    versions: dict[str, str],
    builders: dict[str, Callable[[dict[str, np.ndarray], argparse.Namespace], Workload]],
    variants: tuple[str, ...] = ("default",),
    compilable: tuple[str, ...] = (),
) -> None:
    """Run the workload named on the command line, then write its arrays and its timings."""
    options = parse_arguments(tuple(builders), variants, compilable)
    with np.load(options.inputs) as archive:
        inputs = dict(archive)
    sizes = describe_inputs(options.workload, inputs)
    workload = builders[options.workload](inputs, options)

    rss_before = peak_rss_mb()
    result, first_call, seconds = time_runs(workload.run, options.repeats)
    rss_peak = peak_rss_mb()
    arrays = workload.collect(result)

    record = {
        "peer": peer,
        **versions,
        "workload": options.workload,
        "variant": options.variant,
        "compiled": options.compile,
        **sizes,
        "threads": THREADS,
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
    size = sizes["b"] if options.workload == "stdp" else sizes["n"]
    suffix = "" if options.variant == variants[0] else f"_{options.variant}"
    suffix += "_compiled" if options.compile else ""
    stem = f"{peer}_{options.workload}_{size}{suffix}"
    options.out_dir.mkdir(parents=True, exist_ok=True)
    np.savez(options.out_dir / f"{stem}.npz", **arrays)
    (options.out_dir / f"{stem}.json").write_text(json.dumps(record, indent=2) + "\n")
    print(f"{stem}: median {record['median_s']:.4f} s, first call {first_call:.3f} s")
