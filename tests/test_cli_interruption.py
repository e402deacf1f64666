"""Ctrl-C ends a command at once, wherever it is, and says how it goes on."""

import signal
import subprocess
import sys
import time

import pytest

PROGRAM = """
import gc, sys, time
from metaplast.cli.interruption import stop_at_once
stop_at_once(sys.argv[1:])
gc.callbacks.append(lambda *_: time.sleep(0.01))
print("ready", flush=True)
while True:
    gc.collect() if {collects} else time.sleep(60)
"""
KEPT = "stopped; what was finished is kept. To go on: metaplast "


def interrupted(*arguments: str, collects: bool = False) -> tuple[int, str]:
    """The exit code and the last words of a command with these arguments."""
    command = [sys.executable, "-c", PROGRAM.format(collects=collects), *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        try:
            _, words = process.communicate(timeout=30)
        finally:
            process.kill()
    return process.returncode, words.strip()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["run", "dms", "--out", "a b"], KEPT + "run dms --out 'a b' --resume"),
        (["search", "dms", "--resume"], KEPT + "search dms --resume"),
        (["analyse", "x"], KEPT + "analyse x"),
        (["list"], "stopped"),
    ],
)
def test_it_says_how_the_command_goes_on(arguments, words):
    assert interrupted(*arguments) == (130, words)


def test_it_is_not_lost_in_a_callback():
    """An exception there is printed and forgotten."""
    assert interrupted("list", collects=True) == (130, "stopped")
