"""pilot.csv: what each epoch of each pilot network came to, in a search for channels."""

import csv
import io
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from metaplast.runs import RunDirectory, write_atomically

FILE = "pilot.csv"


class PilotRow(NamedTuple):
    """One epoch of one pilot network."""

    mask: str
    """One digit a group."""
    seed: int
    epoch: int
    """From 1: how many epochs have been learned."""
    loss: float
    """On what was learned, mean over the epoch."""
    held_out_loss: float
    held_out_error: float
    """Share of the examples held out that is answered wrongly."""


def write_pilot(run: RunDirectory, rows: Iterable[PilotRow]) -> None:
    """Write pilot.csv whole, or not at all, in an order that does not depend on that in which masks were learned."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(PilotRow._fields)
    for row in sorted(rows):
        writer.writerow([*row[:3], *(str(np.float32(value)) for value in row[3:])])
    write_atomically(run.path / FILE, buffer.getvalue().encode())


def read_pilot(run: RunDirectory) -> list[PilotRow]:
    """pilot.csv; empty before the first epoch."""
    path = run.path / FILE
    if not path.is_file():
        return []
    lines = csv.reader(io.StringIO(path.read_text(encoding="utf-8")))
    next(lines)
    return [PilotRow(mask, int(seed), int(epoch), *map(float, rest)) for mask, seed, epoch, *rest in lines]
