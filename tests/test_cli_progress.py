"""What a long command shows: nothing that matters is cut short in a terminal of 80 columns."""

import io
from types import SimpleNamespace

import pytest
from rich.console import Console

from metaplast.cli.classification import epoch_bar
from metaplast.cli.progress import analysis_bars, learning_bar, search_line, summary_table
from metaplast.cli.study import study_bar
from metaplast.experiments.search.progress import Told


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
    assert "1000/1000 problems, 127.2 updates, 17 failed 0:00:00 gone, 0:00:00 left" in text
    assert "━━" in text
    assert "…" not in text


def test_the_table_of_a_run_says_that_it_counts_updates():
    numbers = {"problems": 6, "failures": 0, "updates_first": 59.0, "updates_late": 12.0, "updates_total": 156.0}
    console = terminal(80)
    console.print(summary_table({"conditions": {"fixed": {**numbers, "seconds": 1.6}}}))
    for words in ("updates,", "in total, mean", "seconds of", "59.0", "12.0", "156"):
        assert words in shown(console)


def file(seconds: list[float]) -> Console:
    """What is no terminal, with a clock that a test sets."""
    return Console(file=io.StringIO(), width=40, get_time=lambda: seconds[0])


def lines_of(console: Console) -> list[str]:
    return [line.rstrip() for line in shown(console).splitlines()]


def test_without_a_terminal_the_bar_is_lines_at_most_every_thirty_seconds():
    seconds = [0.0]
    console = file(seconds)
    with learning_bar(console, 2) as told:
        assert lines_of(console) == ["compiling 2 lanes 0/? problems, - updates, 0 failed 0:00:00 gone"]
        for problem in range(1, 61):
            seconds[0] = problem * 2.0
            told(SimpleNamespace(recent=12.0, done=problem, total=100, failures=0, given_up=0))  # pyright: ignore
    lines = lines_of(console)
    assert [line.split()[1] for line in lines[1:]] == ["1/100", "16/100", "31/100", "46/100", "60/100"]
    assert lines[3] == "learning 31/100 problems, 12.0 updates, 0 failed 0:01:02 gone, 0:02:18 left"


def test_lines_tell_where_every_condition_begins_and_ends():
    console = file([0.0])
    with epoch_bar(console) as told:
        for done in range(1, 7):
            name, epoch = ("one", done) if done <= 3 else ("two", done - 3)
            told(SimpleNamespace(condition=name, done=done, total=6, epoch=epoch, accuracy=0.5, speed=10.0))  # pyright: ignore
    lines = [" ".join(line.split()[:2]) for line in lines_of(console)]
    assert lines == ["compiling 0/?", "one 1/6", "one 3/6", "two 4/6", "two 6/6"]


def test_lines_tell_where_every_member_of_a_study_begins_and_ends():
    console = file([0.0])
    with study_bar(console) as told:
        now = SimpleNamespace(member="dms", finished=0, members=2, done=0.0, total=10.0, note="compiling")
        for changes in ({}, {"done": 2.0, "note": "2/5"}, {"done": 5.0, "note": "5/5"}):
            told(SimpleNamespace(**vars(now) | changes))  # pyright: ignore
        told(SimpleNamespace(**vars(now) | {"member": "more", "finished": 1, "done": 5.0}))  # pyright: ignore
    lines = [line.partition(" 0:0")[0] for line in lines_of(console)]
    assert lines == ["members", "0/2 members  dms compiling", "0/2 members  dms 5/5", "1/2 members  more compiling"]


def test_lines_tell_every_part_of_an_analysis_and_a_search():
    console = file([0.0])
    with analysis_bars(console) as told:
        for part in ("probes", "lesions"):
            for done in range(3):
                told(part, done, 2)
    with search_line(console, 8) as searched:
        for masks in range(4):
            searched(Told(masks, 2 * masks, "problems"))
    lines = [line.partition(" 0:0")[0] for line in lines_of(console)]
    assert lines[:4] == ["probes 0/2", "probes 2/2", "lesions 0/2", "lesions 2/2"]
    assert lines[4:] == ["compiling", "0 of 8 masks, 0 problems", "3 of 8 masks, 6 problems"]
