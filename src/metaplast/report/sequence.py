"""What a report says of tasks learned one after the other."""

from typing import Any

from markupsafe import Markup

from metaplast.analysis.classification.sequence import Transfer, transfers
from metaplast.analysis.statistics import Interval
from metaplast.analysis.tables import Column, Table
from metaplast.runs import RunDirectory

CAPTION = Markup(
    "Share of test examples of each task that are told right over the epochs, from before the first; upright lines "
    "part the tasks, which are learned one after the other, and only the examples of one are there at a time. Thin "
    "lines are seeds, bold ones their mean; dotted is the mean of all tasks, those not yet learned included."
)
COLUMNS = (
    Column("condition", "condition", words=True),
    Column("average", "all tasks,\nat the end (%)"),
    Column("learned", "each task, when\nit was learned (%)"),
    Column("backward", "backward transfer\n(points)"),
    Column("forgetting", "forgetting\n(points)"),
    Column("forward", "forward transfer\n(points)"),
)
NOTE = (
    "R[i, j] is the test accuracy on task j after i of T tasks, and brackets are 95 % bootstrap intervals over seeds. "
    "At the end: mean of R[T, j]. When learned: mean of R[j, j]. Backward transfer: mean over j < T of R[T, j] - "
    "R[j, j], below zero where later tasks cost earlier ones. Forward transfer: mean over j > 1 of R[j-1, j] - R[0, j] "
    "(Lopez-Paz and Ranzato 2017). Forgetting: mean over j < T of the best R[i, j] with i < T, minus R[T, j] "
    "(Chaudhry et al. 2018). The matrices are in analysis/sequence.csv."
)


def sequence_tables(run: RunDirectory) -> list[Table]:
    """A row a condition; no table of a run with a single task."""
    found = transfers(run)
    if not found:
        return []
    return [Table("sequence", "Over the sequence of tasks", COLUMNS, [_row(*one) for one in found.items()], NOTE)]


def _row(condition: str, found: Transfer) -> tuple[str | Interval, ...]:
    percent = (Interval(*(100 * value for value in measure)) for measure in found)
    return condition, *percent


def sequence_sentence(config: dict[str, Any]) -> str:
    """How the tasks follow each other; nothing of a run with a single task."""
    settings = config.get("continual", {"kind": "none"})
    if settings["kind"] == "none":
        return ""
    differ = {
        "permuted": "the pixels in another order each",
        "rotated": f"turned by 0 to {settings.get('largest', 0):g} degrees",
    }[settings["kind"]]
    epochs = config["training"]["epochs"]
    return (
        f" It learns {settings['tasks']} tasks one after the other, {differ}, in {epochs} "
        f"epoch{'s' if epochs != 1 else ''} each, without the examples of those before; accuracies are means over "
        f"all tasks where nothing else is said, and single channels and examples are shown on the first task."
    )
