"""Two processes that take turns, call by call: their ratio holds although the speed of the machine drifts."""

import statistics
import subprocess
from collections.abc import Sequence

READY = "ready"


def serve(run) -> None:
    """Child: after two warm-ups, one timed call of `run` (it returns its seconds) for every line of the input."""
    for _ in range(2):
        run()
    print(READY, flush=True)
    while input_line():
        print(run(), flush=True)


def input_line() -> str:
    """The next line, or nothing at the end."""
    try:
        return input() or " "
    except EOFError:
        return ""


def alternate(commands: Sequence[Sequence[object]], repeats: int) -> list[list[float]]:
    """Seconds of `repeats` calls of each command, one call of each in turn.

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
