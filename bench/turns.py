"""Two processes that take turns of a few calls: their ratio holds although the speed of the machine drifts."""

import statistics
import subprocess
from collections.abc import Sequence

READY = "ready"


CALLS = 5
"""Calls in a turn."""


def serve(run) -> None:
    """Child: for every line of the input a turn of `run`, which returns its seconds; the median of the turn goes out.

    The first call of a turn is not counted: it finds the caches full of what the other process left there.
    """
    for _ in range(2):
        run()
    print(READY, flush=True)
    while input_line():
        print(statistics.median([run() for _ in range(1 + CALLS)][1:]), flush=True)


def input_line() -> str:
    """The next line, or nothing at the end."""
    try:
        return input() or " "
    except EOFError:
        return ""


def alternate(commands: Sequence[Sequence[object]], repeats: int) -> list[list[float]]:
    """Seconds of `repeats` turns of each command, one turn of each after the other.

    Raises:
        RuntimeError: a process ended before it was ready.
    """
    children = [
        subprocess.Popen([*map(str, command), "--turns"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for command in commands
    ]
    try:
        for child, command in zip(children, commands, strict=True):
            line = child.stdout.readline()
            if line.strip() != READY:
                raise RuntimeError(f"{command[1]} did not get ready: {line!r}")
        seconds: list[list[float]] = [[] for _ in children]
        for _ in range(repeats):
            for child, times in zip(children, seconds, strict=True):
                child.stdin.write("go\n")
                child.stdin.flush()
                times.append(float(child.stdout.readline()))
        return seconds
    finally:
        for child in children:
            child.stdin.close()
            child.wait()


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """Median over the turns of theirs over ours."""
    return statistics.median(b / a for a, b in zip(ours, theirs, strict=True))
