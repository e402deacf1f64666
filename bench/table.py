"""The page docs/bench.md from bench/results/bench.json: python bench/table.py [RESULTS.json [PAGE.md]]."""

import json
import sys
from pathlib import Path

from workloads import PEERS

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "bench.md"
TITLES = {"linear_lif": "linear + LIF", "recurrent_lif": "recurrent LIF"}

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
- The dense limit is the time of the matrix products alone, forward and backward, at the rate of a large product.\
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


def markdown(header: list[str], rows: list[list[str]]) -> str:
    """A Markdown table; numbers to the right would need more than the plain form, so none is aligned."""
    if not rows:
        return "Not measured."
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def gradient_table(comparisons: list[dict], limit: float | None) -> str:
    """One row for a case and a peer."""
    header = ["workload", "N", "peer", "peer, ms", "metaplast, ms", "peer / metaplast", "metaplast / dense limit"]
    header += ["first call, peer, s", "first call, metaplast, s", "check"]
    rows = [
        [
            TITLES[c["workload"]],
            str(c["n"]),
            PEERS[c["peer"]].title,
            time_of(c["best_peer"]),
            time_of(c["ours"]),
            ratio(c["ratio"]),
            over_limit(c, limit),
            first_call(c["best_peer"]),
            first_call(c["ours"]),
            verdict(c),
        ]
        for c in comparisons
    ]
    sizes = sorted({(c["b"], c["t"]) for c in comparisons})
    about = "; ".join(f"batch {batch}, {steps} steps" for batch, steps in sizes)
    return f"{about}; a tenth of the inputs active; gradients of all weights.\n\n" + markdown(header, rows)


def time_of(side: dict | None) -> str:
    """Milliseconds, and in brackets the configuration that gave them."""
    if side is None:
        return "-"
    return f"{number(side['median_s'] * 1e3)} ({configuration(side['configuration'])})"


def configuration(settings: dict) -> str:
    """In words."""
    if "devices" in settings:
        devices = {0: "all devices", 1: "1 device"}.get(settings["devices"], f"{settings['devices']} devices")
        return f"{settings['connection']}, {devices}"
    threads = f"{settings['threads']} thread" + "s" * (settings["threads"] > 1)
    return threads + ", compiled" * settings["compiled"]


def number(value: float) -> str:
    """Three digits that count."""
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def ratio(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def over_limit(comparison: dict, limit: float | None) -> str:
    """How many times longer than the products alone."""
    if limit is None or not comparison["passed"]:
        return "-"
    least = comparison["product_flop"] / limit / 1e9
    return f"{comparison['ours']['median_s'] / least:.2f} (limit {number(least * 1e3)} ms)"


def first_call(side: dict | None) -> str:
    return f"{side['first_call_s']:.2f}" if side else "-"


def verdict(comparison: dict) -> str:
    """What was checked, or what failed."""
    found = [run["check"] for run in comparison["runs"] if "different_spikes" in run["check"]]
    if not found:
        return "**failed**: a process failed"
    different = max(check["different_spikes"] for check in found)
    least = min((value for check in found for value in check["cosines"].values()), default=float("nan"))
    numbers = f"{different} of {found[0]['spikes']} differ, cosine {least:.6f}"
    return numbers if comparison["passed"] else f"**failed**: {numbers}"


def fastest_table(comparisons: list[dict]) -> str:
    """The fastest peer of each case, and the fastest of those on PyTorch."""
    header = ["workload", "N", "fastest peer", "peer / metaplast", "fastest PyTorch peer", "peer / metaplast"]
    rows = []
    for workload, cells in dict.fromkeys((c["workload"], c["n"]) for c in comparisons):
        case = [c for c in comparisons if c["passed"] and (c["workload"], c["n"]) == (workload, cells)]
        row = [TITLES[workload], str(cells)]
        for rivals in (case, [c for c in case if PEERS[c["peer"]].torch]):
            fastest = min(rivals, key=lambda c: c["best_peer"]["median_s"], default=None)
            if fastest is None:
                row += ["-", "-"]
                continue
            milliseconds = number(fastest["best_peer"]["median_s"] * 1e3)
            row += [f"{PEERS[fastest['peer']].title}, {milliseconds} ms", ratio(fastest["ratio"])]
        rows.append(row)
    return markdown(header, rows)


def plastic_table(comparisons: list[dict]) -> str:
    """Cost of a step with plasticity."""
    header = ["batch", "peer", "peer, ms a step", "metaplast, ms a step", "peer / metaplast"]
    header += ["metaplast, temporary memory", "cells active, peer", "metaplast", "check"]
    return markdown(header, [plastic_row(c) for c in comparisons])


def plastic_row(comparison: dict) -> list[str]:
    """One row: milliseconds a step, memory, and how active the cells were."""
    sides = [comparison["best_peer"], comparison["ours"]]
    steps = [
        f"{number(side['median_s'] / comparison['t'] * 1e3)} ({configuration(side['configuration'])})" if side else "-"
        for side in sides
    ]
    ours = comparison["ours"] or {}
    of_best = (run for run in comparison["runs"] if run["configuration"] == ours.get("configuration"))
    memory = next((run["temporary_mb"] for run in of_best if "temporary_mb" in run), None)
    rates = {run["side"]: run["check"]["rate"] for run in comparison["runs"] if "rate" in run["check"]}
    return [
        str(comparison["b"]),
        PEERS[comparison["peer"]].title,
        *steps,
        ratio(comparison["ratio"]),
        "-" if memory is None else f"{number(memory)} MiB",
        *(f"{rates[side] * 100:.1f} %" if side in rates else "-" for side in ("peer", "ours")),
        "active on both sides" if comparison["passed"] else "**failed**",
    ]


def learning_table(records: list[dict]) -> str:
    """Problems a second, in one lane and in ten."""
    header = ["problems in each lane", "lanes", "seconds", "problems a second", "updates a second", "compilation, s"]
    rows = []
    for record in records:
        row = [str(record["problems"]), str(record["lanes"])]
        names = ("seconds", "problems_per_s", "updates_per_s", "compile_s")
        found = ["**failed**"] * 4 if "failed" in record else [number(record[name]) for name in names]
        rows.append(row + found)
    about = "`metaplast run dms`, intrinsic learning; the seconds are those of learning, without compilation."
    return about + "\n\n" + markdown(header, rows)


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


def dynamics(comparisons: list[dict]) -> str:
    """Equations and semantics, as the scripts of the peers give them; metaplast is run in the same ones."""
    lines = {}
    for comparison in comparisons:
        run = next((r for r in comparison["runs"] if r["side"] == "peer" and "equation" in r), None)
        if run:
            title = TITLES.get(comparison["workload"], "STDP")
            text = f"**{PEERS[comparison['peer']].title}, {title}.** {run['semantics']}\n\n  `{run['equation']}`"
            lines.setdefault((comparison["peer"], title), f"- {text}")
    return "\n".join(lines.values()) or "Not measured."


def main() -> None:
    """Write the page again from numbers that are there."""
    given = [Path(argument) for argument in sys.argv[1:]]
    source, target = (*given, *(ROOT / "bench" / "results" / "bench.json", PAGE)[len(given) :])[:2]
    target.write_text(page(json.loads(source.read_text())))


if __name__ == "__main__":
    main()
