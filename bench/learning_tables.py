"""Tables of whole learning sequences: problems a second, lanes an hour."""

from statistics import median

from formats import markdown, number, ratio
from peer_tables import configuration


def learning_table(records: list[dict]) -> str:
    """Problems a second, in one lane and in ten: medians over the turns."""
    header = ["problems in each lane", "lanes", "seconds", "problems a second", "updates a second", "compilation, s"]
    rows, groups = [], {}
    for record in records:
        groups.setdefault((record["problems"], record["lanes"]), []).append(record)
    for (problems, lanes), group in groups.items():
        names = ("seconds", "problems_per_s", "updates_per_s", "compile_s")
        failed = any("failed" in record for record in group)
        found = ["**failed**"] * 4 if failed else [number(median(r[name] for r in group)) for name in names]
        rows.append([str(problems), str(lanes), *found])
    about = "`metaplast run dms`, intrinsic learning; the seconds are those of learning, without compilation."
    return about + gain(list(groups.values())) + "\n\n" + markdown(header, rows)


def gain(groups: list[list[dict]]) -> str:
    """What many lanes gain over one, turn by turn."""
    if len(groups) != 2 or any("failed" in record for group in groups for record in group):
        return ""
    ratios = [many["problems_per_s"] / one["problems_per_s"] for one, many in zip(*groups, strict=True)]
    turns = ", ".join(f"{value:.2f}" for value in ratios)
    about = f"Medians of {len(ratios)} turns" if len(ratios) > 1 else "One turn"
    lanes = groups[1][0]["lanes"]
    return f"\n{about}; problems a second of {lanes} lanes over those of one: {median(ratios):.2f} ({turns})."


def lanes_table(records: list[dict]) -> str:
    """Lanes an hour of every model, and of the same protocol in plain PyTorch."""
    header = ["model", "lanes x problems measured", "updates of a lane", "metaplast, updates a second", "PyTorch"]
    header += ["metaplast, lanes an hour", "PyTorch", "metaplast / PyTorch", "whole command, s", "check"]
    about = (
        "A lane is 1000 delayed-match problems that one network learns (`metaplast run dms`, intrinsic learning where\n"
        "the model has it). Lanes share all cores; of PyTorch, what makes most of the machine counts.\n"
        "Where fewer problems were measured a lane is taken to go on like them; it would get faster, since the first\n"
        "problems need most updates, on both sides alike: lanes an hour are then too low, and the ratio is the same."
    )
    return about + "\n\n" + markdown(header, [lanes_row(record) for record in records])


def lanes_row(record: dict) -> list[str]:
    """One row; without equal learning no rate counts."""
    if not record["passed"]:
        return [record["model"], *["-"] * 8, lanes_verdict(record)]
    ours, theirs = record["ours"], record["best_peer"]
    return [
        record["model"],
        f"{ours['lanes']} x {ours['problems']}",
        number(record["updates_per_lane"]),
        number(ours["updates_per_s"]),
        f"{number(theirs['updates_per_s'])} ({configuration(theirs['configuration'])})",
        number(record["lanes_per_hour"]),
        number(theirs["lanes_per_hour"]),
        ratio(record["ratio"]),
        number(ours["process_s"]),
        lanes_verdict(record),
    ]


def lanes_verdict(record: dict) -> str:
    """How close the first updates of the two sides were, or what failed."""
    checks = [run["check"] for run in record.get("peers", []) if "cosines" in run["check"]]
    if not checks:
        return "**failed**: a process failed"
    loss = max(check["all_losses"] for check in checks)
    least = min(min(check["cosines"].values()) for check in checks)
    numbers = f"losses differ by {loss:.0e}, cosine {least:.6f}"
    return numbers if record["passed"] else f"**failed**: {numbers}"
