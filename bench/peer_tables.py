"""Tables of the comparisons with the peers, workload by workload."""

from formats import last_line, markdown, number, ratio
from workloads import PEERS

TITLES = {"linear_lif": "linear + LIF", "recurrent_lif": "recurrent LIF"}


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
    if settings.get("processes", 1) > 1:
        threads = f"{settings['processes']} processes of {threads}"
    return threads + ", compiled" * settings.get("compiled", False)


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
    # A process that failed is why, even where another one passed its check.
    broken = [run for run in comparison["runs"] if "reason" in run["check"] and not comparison["passed"]]
    if broken or not found:
        said = [last_line(run.get("failed", run["check"]["reason"])) for run in broken]
        return f"**failed**: {'; '.join(dict.fromkeys(said)) or 'a process failed'}"
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
