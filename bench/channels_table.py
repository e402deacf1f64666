"""The section of the page on training steps of several plasticity channels."""

RATIOS = "S+H over S", "S+H plain over S+H", "S+H+B over S"
EXPLAINED = """\
784-512-10, 8 steps of a constant input, 100 examples; one update with Adam. S: surrogate gradient alone. S+H: with a
Hebbian channel in Gram form. S+H plain: the same as a plain scan with autodiff. S+H+B: with self-backpropagation
besides. All in one process, in turns; ratios are medians over the turns."""


def outcome(record: dict) -> str:
    """One line."""
    if "failed" in record:
        return "FAILED"
    return ", ".join(f"{name} {record[name]:.2f}" for name in RATIOS)


def channels_table(record: dict) -> str:
    """Milliseconds a step, and ratios."""
    if not record or "failed" in record:
        return "Not measured." if not record else "It failed."
    times = [f"| {name} | {1e3 * seconds:.1f} |" for name, seconds in record["median_s"].items()]
    ratios = [f"| {name} | {record[name]:.2f} |" for name in RATIOS]
    return "\n".join(
        [EXPLAINED, "", "| step | ms |", "| --- | --- |", *times, "", "| ratio | |", "| --- | --- |", *ratios]
    )
