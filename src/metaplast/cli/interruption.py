"""Ctrl-C: a command stops at once, and says how it goes on."""

import os
import shlex
import signal
import socket
import sys
import threading
from collections.abc import Sequence

EXIT = 128 + signal.SIGINT
SHOW_CURSOR = "\x1b[?25h"
"""A bar hides the cursor of its terminal."""
RESUMED, REPEATED = ("run", "search", "sweep"), ("analyse",)
"""Commands that go on with --resume, and those that go on when they are given again."""


def stop_at_once(arguments: Sequence[str]) -> None:
    """From now on SIGINT ends the process, whose command line has these arguments.

    Python's own way is an exception wherever the main thread happens to be. It waits for compiled code to return, was
    lost in a callback of JAX, and twice the process crashed instead (why is not known). There is nothing to tidy up:
    files are written whole or not at all. So the signal is written into a socket, on which another thread waits. Where
    SIGINT is ignored it stays so.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        return
    told, hears = socket.socketpair()
    told.setblocking(False)
    signal.signal(signal.SIGINT, lambda *_: None)
    signal.set_wakeup_fd(told.fileno(), warn_on_full_buffer=False)
    sockets = told, hears  # kept by the thread: a socket that nobody holds is closed
    words = _farewell(arguments)
    threading.Thread(target=_wait, args=(sockets, words), name="interruption", daemon=True).start()


def _wait(sockets: tuple[socket.socket, socket.socket], words: str) -> None:
    while signal.SIGINT not in sockets[1].recv(1):
        pass
    _stop(words)


def _stop(words: str) -> None:
    """Not by `sys.exit`, which would wait for compiled code, nor through `print`, whose lock the other may hold."""
    cursor = SHOW_CURSOR if sys.stderr.isatty() else ""
    os.write(2, f"{cursor}\n{words}\n".encode())
    os._exit(EXIT)


def _farewell(arguments: Sequence[str]) -> str:
    command = shlex.join(["metaplast", *arguments])
    if not arguments or arguments[0] not in (*RESUMED, *REPEATED):
        return "stopped"
    if arguments[0] in RESUMED and "--resume" not in arguments:
        command += " --resume"
    return f"stopped; what was finished is kept. To go on: {command}"
