"""What a long command shows fits into a terminal of ordinary width."""

import io

from rich.console import Console

from metaplast.cli_progress import learning_bar
from metaplast.experiments.session import Progress


def test_the_line_of_a_long_run_fits_into_80_columns():
    console = Console(file=io.StringIO(), width=80, force_terminal=True, color_system=None)
    with learning_bar(console, 10) as told:
        told(Progress(1000, 1000, 1234.5, 21))
    shown = console.file.getvalue()
    assert "10 lanes" in shown
    assert "1000/1000" in shown
    assert "1234.5 updates each, 21 failed" in shown
    assert "left 0:00:00" in shown
    assert "\u2026" not in shown
