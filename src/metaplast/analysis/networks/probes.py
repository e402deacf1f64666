"""What the probe trials of a network hold: what its neurons sent, and which choice and period every step belongs to."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from metaplast.analysis.networks.moments import Arrays
from metaplast.runs import RunDirectory


class Period(NamedTuple):
    """A part of a trial."""

    name: str
    first: int
    """Its first step."""
    last: int
    """The step after its last."""


def spiking(probe: Arrays) -> bool:
    """Whether the neurons send spikes, and not graded values."""
    return "spikes" in probe


def activity(probe: Arrays) -> np.ndarray:
    """What the neurons sent, [time, trials, neurons]: spikes or graded values."""
    return np.asarray(probe["spikes" if spiking(probe) else "activity"], float)


def choices(probe: Arrays) -> np.ndarray:
    """The choice that each trial asks for, [trials]: the target at the last step on which the answer is judged.

    Of a network that has learned its problem, it is the choice that is made.
    """
    steps = len(probe["decision"])
    last = steps - 1 - (np.asarray(probe["decision"])[::-1] > 0).argmax(axis=0)
    return np.asarray(probe["target"])[last, np.arange(probe["target"].shape[1])]


def periods(run: RunDirectory, probe: Arrays) -> list[Period]:
    """The periods of a recorded trial of the run; without one, the time before the decision and the decision.

    All lanes of a run learn problems of one family, so that any of its trials will do.
    """
    steps, dt = len(probe["voltage"]), float(probe["dt"])
    recorded = sorted((run.path / "trials").glob("*.npz"))
    trial = run.read_arrays(f"trials/{recorded[0].stem}") if recorded else {}
    if "period_ends_ms" in trial:
        ends = np.rint(trial["period_ends_ms"].astype(float) / dt).astype(int)
        if ends[-1] == steps:
            return list(_between([str(one) for one in trial["period_names"]], ends.tolist()))
    judged = int((np.asarray(probe["decision"]) > 0).any(axis=1).argmax())
    return list(_between(["before the decision", "decision"], [judged, steps]))


def _between(names: list[str], ends: list[int]) -> Iterator[Period]:
    for name, first, last in zip(names, [0, *ends[:-1]], ends, strict=True):
        if last > first:
            yield Period(name, first, last)
