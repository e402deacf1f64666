"""What a long command shows: nothing that matters is cut short in a terminal of 80 columns."""

import io
from types import SimpleNamespace

import pytest
from rich.console import Console

from metaplast.cli_progress import learning_bar, summary_table


def terminal(columns: int) -> Console:
    return Console(file=io.StringIO(), width=columns, force_terminal=True, color_system=None)


def shown(console: Console) -> str:
    return console.file.getvalue()  # pyright: ignore


@pytest.mark.parametrize("columns", [80, 200])
def test_the_bar_of_a_run_shows_every_number_whole(columns: int):
    console = terminal(columns)
    with learning_bar(console, 10) as told:
        told(SimpleNamespace(recent=float("nan"), done=0, total=1_000, failures=0, given_up=0))  # pyright: ignore
        told(SimpleNamespace(recent=127.25, done=1_000, total=1_000, failures=17, given_up=0))  # pyright: ignore
    text = shown(console)
    assert "1000/1000 problems, 127.2 updates, 17 failed 0:00:00 left 0:00:00" in text
    assert "━━" in text
    assert "…" not in text


def test_the_table_of_a_run_says_that_it_counts_updates():
    numbers = {"problems": 6, "failures": 0, "updates_first": 59.0, "updates_late": 12.0, "updates_total": 156.0}
    console = terminal(80)
    console.print(summary_table({"conditions": {"fixed": {**numbers, "seconds": 1.6}}}))
    for words in ("updates,", "in total, mean", "seconds of", "59.0", "12.0", "156"):
        assert words in shown(console)
