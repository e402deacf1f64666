"""Tables of whole learning sequences: problems a second, lanes an hour."""

from statistics import median

from formats import last_line, markdown, number, ratio
from peer_tables import configuration

NOTHING = "–"  # noqa: RUF001


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
    header = ["model", "lanes x problems measured", "unsolved", "updates of a lane", "metaplast, updates a second"]
    header += ["PyTorch", "metaplast, lanes an hour", "PyTorch", "metaplast / PyTorch", "whole command, s", "check"]
    about = (
        "A lane is 1000 delayed-match problems that one network is given (`metaplast run dms`, intrinsic learning\n"
        "where the model has it). Lanes share all cores; of PyTorch, what makes most of the machine counts.\n"
        "Unsolved are those of the measured problems that metaplast did not bring to the criterion; the updates that\n"
        "they took count. A model that solved none has no lanes an hour, since it learned nothing; its ratio is that\n"
        "of updates a second, as all ratios here are.\n"
        "Where fewer problems were measured a lane is taken to go on like them, on both sides alike, so the ratio is\n"
        "the same. A model that solves them gets faster, since the first problems need most updates: its lanes an\n"
        "hour are too low. How one that leaves many unsolved would go on is not known."
    )
    return about + "\n\n" + markdown(header, [lanes_row(record) for record in records])


def lanes_row(record: dict) -> list[str]:
    """One row; without equal learning no rate counts, and without a solved problem no lane."""
    if not record["passed"]:
        return [record["model"], *[NOTHING] * 9, lanes_verdict(record)]
    ours, theirs = record["ours"], record["best_peer"]
    given = ours["lanes"] * ours["problems"]
    hourly = [number(side["lanes_per_hour"]) for side in (record, theirs)]
    return [
        record["model"],
        f"{ours['lanes']} x {ours['problems']}",
        f"{ours['failures']} of {given}",
        number(record["updates_per_lane"]),
        number(ours["updates_per_s"]),
        f"{number(theirs['updates_per_s'])} ({configuration(theirs['configuration'])})",
        *(hourly if ours["failures"] < given else [NOTHING] * 2),
        ratio(record["ratio"]),
        number(ours["process_s"]),
        lanes_verdict(record),
    ]


def lanes_verdict(record: dict) -> str:
    """How close the first updates of the two sides were, or what failed."""
    reason = "" if record["passed"] else failure(record)
    if reason:
        return f"**failed**: {reason}"
    checks = [run["check"] for run in record["peers"]]
    loss = max(check["all_losses"] for check in checks)
    least = min(min(check["cosines"].values()) for check in checks)
    numbers = f"losses differ by {loss:.0e}, cosine {least:.6f}"
    if record["passed"]:
        return numbers
    first = max(check["first_losses"] for check in checks)  # its limit is the narrower one
    return f"**failed**: first losses differ by {first:.0e}, all {numbers}"


def failure(record: dict) -> str:
    """Which process failed and how, in a line; empty if all went through, so that the numbers of a check are why."""
    peers = record.get("peers", [])
    found = {"first updates": record, "metaplast": record.get("ours", {})}
    said = [f"{side}, {last_line(run['failed'])}" for side, run in found.items() if "failed" in run]
    said += [
        f"PyTorch with {configuration(run['configuration'])}, {last_line(run.get('failed', run['check']['reason']))}"
        for run in peers
        if "reason" in run["check"]
    ]
    return "; ".join(said)
