"""The benchmark: metaplast and its peers, one process after the other.

.venv/bin/python bench/run.py            everything; writes bench/results/bench.json and docs/bench.md
.venv/bin/python bench/run.py --quick    a trial; writes bench/results/trial.json and trial.md
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path

import channels_table
import lanes
import machine
import sequence
import table
from compare import PEER_PYTHON, Options, compare
from workloads import PEERS, Case, all_cases, make_inputs

RESULTS = Path(__file__).resolve().parent / "results"


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a trial: few repeats, short STDP, no torch.compile")
    parser.add_argument("--repeats", type=int, help="timed calls of each process (default 11, quick 3)")
    parser.add_argument(
        "--only", default="", help="a trial of the cases whose name contains this, or 'learning', 'lanes' or 'channels'"
    )
    parser.add_argument("--peers", nargs="+", choices=list(PEERS), help="a trial with these peers")
    parser.add_argument(
        "--again", choices=["learning", "lanes", "channels"], help="this part anew, into the results that are there"
    )
    arguments = parser.parse_args()
    arguments.trial = bool(arguments.quick or arguments.only or arguments.peers)
    return arguments


def dense_limit(options: Options) -> dict:
    """Rate of a large matrix product, in metaplast's environment."""
    folder = options.folder / "dense_limit"
    command = [sys.executable, Path(__file__).with_name("dense_limit.py"), folder]
    record, _ = machine.execute_script([*command, "--repeats", 4 * options.repeats], folder)
    print(f"matrix product: {record.get('gflop_s', float('nan')):.0f} GFLOP/s", flush=True)
    return record


def compare_all(cases: list[Case], peers: list[str], options: Options) -> list[dict]:
    """Every case with every peer that has it."""
    comparisons = []
    for case in cases:
        inputs = make_inputs(case, options.folder)
        for name in peers:
            if case.workload in PEERS[name].workloads:
                print(f"{case.name}, {PEERS[name].title}", flush=True)
                comparisons.append(compare(case, name, inputs, options))
                print(f"  {'checks passed' if comparisons[-1]['passed'] else 'CHECK FAILED'}", flush=True)
    return comparisons


def learn_all(options: Options) -> list[dict]:
    """Problems in one lane and in ten, in turns: a drift of the machine then meets both."""
    records, problems = [], 50 if options.quick else 1000
    for turn in range(1 if options.quick else sequence.TURNS):
        for count in sequence.LANES:
            records.append(sequence.learn(problems, count, options.folder / f"learning-{turn}-{count}"))
            rate = records[-1].get("problems_per_s")
            text = f"{rate:.2f} problems a second" if rate else "FAILED: " + records[-1]["failed"]
            print(f"learning, {count} lanes: {text}", flush=True)
    return records


def measure_lanes(options: Options) -> list[dict]:
    """Every model, beside the same protocol in plain PyTorch."""
    records = []
    for model in lanes.MODELS:
        print(f"lanes, {model.title}", flush=True)
        records.append(lanes.measure(model, options.quick, options.folder / f"lanes-{len(records)}"))
        print(f"  {lanes.outcome(records[-1])}", flush=True)
    return records


def measure_channels(options: Options) -> dict:
    """Training steps of several plasticity channels, in turns in one process."""
    folder = options.folder / "channels"
    command = [sys.executable, Path(__file__).with_name("channels.py"), folder, "--repeats", options.repeats]
    record, _ = machine.execute_script(command, folder)
    print(f"channels: {channels_table.outcome(record)}", flush=True)
    return record


def versions(results: dict) -> dict:
    """Versions of every library that took part."""
    found = {}
    runs = [run for comparison in results["comparisons"] for run in comparison["runs"]]
    for run in [*runs, *(run for record in results["lanes"] for run in record.get("peers", []))]:
        side = run.get("peer", "")
        parts = {"version": side, "torch_version": "torch", "jax_version": f"jax of {side}", "jax": f"jax of {side}"}
        found |= {title: run[key] for key, title in parts.items() if key in run}
    return dict(sorted(found.items()))


def measure_again(part: str, options: Options) -> None:
    """One part anew into the numbers that are there; the page says so."""
    results = {"lanes": []} | json.loads((RESULTS / "bench.json").read_text())
    results[part] = {"learning": learn_all, "lanes": measure_lanes, "channels": measure_channels}[part](options)
    results["measured_again"] = results.get("measured_again", {}) | {part: machine.describe()}
    write(results)


def main() -> None:
    """Run, write the results, and leave with 1 if anything failed."""
    arguments = parse_arguments()
    if not PEER_PYTHON.exists():
        sys.exit("The peers have no environment yet: use `make bench`, or `make .venv-bench/.ready` first.")
    repeats = arguments.repeats or (3 if arguments.quick else 11)
    with tempfile.TemporaryDirectory(prefix="metaplast-bench-") as folder:
        options = Options(repeats, arguments.quick, Path(folder))
        if arguments.again:
            return measure_again(arguments.again, options)
        cases = [case for case in all_cases(arguments.quick) if arguments.only in case.name]
        results = {"trial": arguments.trial, "repeats": repeats, "machine": machine.describe()}
        results["dense_limit"] = dense_limit(options)
        results["comparisons"] = compare_all(cases, arguments.peers or list(PEERS), options)
        results |= {"learning": [], "lanes": [], "channels": {}}
        write(results)  # already, in case what follows is interrupted
        if arguments.only in "learning":
            results["learning"] = learn_all(options)
            write(results)
        if arguments.only in "lanes":
            results["lanes"] = measure_lanes(options)
            write(results)
        if arguments.only in "channels":
            results["channels"] = measure_channels(options)
            write(results)
    failed = [record for record in results["comparisons"] + results["lanes"] if not record["passed"]]
    failed += [
        record for record in [results["dense_limit"], results["channels"], *results["learning"]] if "failed" in record
    ]
    if failed:
        sys.exit(f"{len(failed)} of the measurements failed")


def write(results: dict) -> None:
    """The numbers, and the table made from them."""
    results["versions"] = versions(results)
    RESULTS.mkdir(exist_ok=True)
    numbers = RESULTS / ("trial.json" if results["trial"] else "bench.json")
    numbers.write_text(json.dumps(results, indent=1) + "\n")
    page = RESULTS / "trial.md" if results["trial"] else table.PAGE
    page.parent.mkdir(exist_ok=True)
    page.write_text(table.page(results))
    print(f"written: {numbers}, {page}")


if __name__ == "__main__":
    main()
