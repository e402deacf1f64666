"""The page docs/bench.md from bench/results/bench.json: python bench/table.py [RESULTS.json [PAGE.md]]."""

import json
import sys
from pathlib import Path

from channels_table import channels_table
from learning_tables import lanes_table, learning_table
from peer_tables import dynamics, fastest_table, gradient_table, plastic_table

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "bench.md"

NOTES = """\
- Ours divides the batch among CPU devices by `metaplast.devices.batch_value_and_grad`, one device a core unless said
  otherwise; each device computes the gradient of its part, and the parts are added.
- Ours calls `metaplast.devices.prepare()` before JAX starts: it makes one CPU device of each core, with one thread,
  and keeps freed memory in the process (glibc), which spares the operating system clearing it again at every call.
- PyTorch peers got the better of one thread and one thread a core, and of the plain and the compiled step
  (`torch.compile`, for snnTorch and Norse at N = 128). JAX peers use every core by themselves.
- Ours ran before and after each peer, in the dynamics of that peer: its time differs from row to row.
- JAX peers come close enough for a drift of the machine to decide, so the best of both sides run once more in two
  processes that take turns of five calls; the times and the ratio (median over the turns) are those.
- Where a configuration ran more than once, the median is over all its calls. The first call, with what it compiles or
  sets up, is apart. Every run, with the load of the machine, is in
  [bench/results/bench.json](../bench/results/bench.json).
- Checks: equal spikes at every step for every cell, and a cosine above 0.999 between the gradients of each weight, for
  every run; a row that fails has no ratio. Spyx gives its spikes one step late: its output at t is compared with ours
  at t - 1, its first must be zero, and the gradients compared are those of all spikes but ours of the last step.
- Ours ran over `Dense` and over `EventDense` connections (silent cells skipped), and the better counts; the checks are
  the same for both.
- STDP: no equality is claimed, only cost. SpikingJelly pairs spikes of the same step both ways (lag 0 potentiates and
  depresses), ours lets them potentiate only. Checked is that the cells fire in 2 to 20 % of the steps on both sides.
- The dense limit is the time of the matrix products alone, forward and backward, at the rate of a large product.
- Lanes an hour: PyTorch starts from metaplast's parameters and repeats 20 updates of each of two problems on the same
  trials; the first ten task losses may differ by 0.01 %, all by 1 %, and the gradients at the start of either problem
  must have a cosine above 0.999 for each parameter. Then it runs the whole protocol (trials, criterion, a fresh Adam
  for each problem) from problem 0 for half a minute, in one process of one thread, in one with one thread a core, and
  in one process a core; the best counts. The updates of a lane are those that metaplast counted.
- metaplast leaves compiled code every 50 problems only, to report and to save; lanes wait for each other there, which
  is in its time. Compilation is not; the whole command, with start, compilation, figures and report, is beside it.\
"""


def page(results: dict) -> str:
    """The whole page."""
    gradients = [c for c in results["comparisons"] if c["workload"] != "stdp"]
    plastic = [c for c in results["comparisons"] if c["workload"] == "stdp"]
    limit = results["dense_limit"].get("gflop_s")
    sections = [
        "# Benchmark",
        introduction(results),
        "## Forward and backward\n\n" + gradient_table(gradients, limit),
        "## Fastest peers\n\n" + fastest_table(gradients),
        "## STDP, 1000 x 1000 synapses\n\n" + plastic_table(plastic),
        "## Learning\n\n" + learning_table(results["learning"]),
        "## Lanes an hour\n\n" + lanes_table(results.get("lanes", [])),
        "## Plasticity channels\n\n" + channels_table(results.get("channels", {})),
        "## Notes\n\n" + NOTES + "\n" + drift_note(results["comparisons"]) + again_note(results),
        "## Dynamics of each peer\n\n" + dynamics(results["comparisons"]),
    ]
    return "\n\n".join(sections) + "\n"


def introduction(results: dict) -> str:
    """What, where, when, with which versions."""
    machine = results["machine"]
    used = ", ".join(f"{name} {number}" for name, number in results["versions"].items())
    trial = "**A trial: its times mean nothing.**\n\n" if results["trial"] else ""
    limit = results["dense_limit"].get("gflop_s")
    rate = f"{limit:.0f} GFLOP/s in a large float32 product" if limit else "rate of a large product not measured"
    memory = f"{machine['memory_gb']} GB, " if machine["memory_gb"] else ""
    return (
        f"{trial}Written by `make bench` on {machine['date'][:10]}, commit {machine['commit']}.\n"
        f"Machine: {machine['cpu']}, {machine['cores']} cores, {memory}{rate}; Python {machine['python']}.\n\n"
        f"Versions: {used}.\n\n"
        "Float32 on the CPU. Times are medians in milliseconds. A ratio above 1 means that metaplast is faster."
    )


def again_note(results: dict) -> str:
    """Which rows come from a later run than the others, and from which commit."""
    again = results.get("measured_again", {})
    rows = "; ".join(f"{name} on {machine['date'][:16]}, commit {machine['commit']}" for name, machine in again.items())
    return f"\n- Measured again after the rest, in runs of their own: {rows}." if rows else ""


def drift_note(comparisons: list[dict]) -> str:
    """How quiet the machine was."""
    medians = [c["ours"]["run_medians_s"] for c in comparisons if c["ours"]]
    drift = max((max(found) / min(found) - 1 for found in medians), default=0.0)
    runs = [run for c in comparisons for run in c["runs"]]
    others = max((run["cores_taken_by_others"] for run in runs), default=0.0)
    return (
        f"- Quietness: the medians of ours before and after a peer differed by at most {drift * 100:.0f} %; during a "
        f"run other processes took at most {others:.2f} cores."
    )


def main() -> None:
    """Write the page again from numbers that are there."""
    given = [Path(argument) for argument in sys.argv[1:]]
    source, target = (*given, *(ROOT / "bench" / "results" / "bench.json", PAGE)[len(given) :])[:2]
    target.write_text(page(json.loads(source.read_text())))


if __name__ == "__main__":
    main()
