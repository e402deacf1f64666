"""Searches and sweeps on the command line: what they show, and that a mistake costs one clear line and exit code 2."""

import pytest

from cli_helpers import call, refused, settings

SMALL_SEARCH = [
    "preset=smoke",
    "model.neurons=12",
    "criterion.limit=3",
    "criterion.window=2",
    "criterion.loss_below=9",
    "search.problems=2",
    "search.first=2",
]
SMALL_SEARCH += ["pilot.chunk=2", "pilot.seeds=1", 'pilot.groups={threshold=["*.threshold"]}']


def test_a_search_shows_what_should_learn_and_where_it_is_written(here, quick_compilation):
    result = call("search", "dms", *settings(*SMALL_SEARCH))
    assert result.exit_code == 0, result.output
    assert "chosen, of threshold:" in result.stdout
    refused(call("report", "runs/search-dms"), "is a search; see its figures/search.png")
    refused(call("analyse", "runs/search-dms"), "of the kind 'allocation-search'; only runs can be analysed")
    line = " ".join(result.stdout.split())  # as wide as the terminal is
    assert "the best of those run as far:" in line
    assert "updates over 2 problems of 1 pilot network; that may be chance: more networks (pilot.seeds) tell" in line
    assert (here / "runs" / "search-dms" / "allocation.toml").is_file()
    refused(call("search", "dms", *settings(*SMALL_SEARCH)), "search-dms")
    refused(call("search", "dms", "--resume", *settings("pilot.seeds=2")), "others than pilot.seeds=2")
    again = call("search", "dms", "--resume", *settings(*SMALL_SEARCH))
    assert again.exit_code == 0, again.output


@pytest.mark.slow
def test_a_sweep_shows_the_rates_and_where_they_are_written(here, quick_compilation):
    small = [
        "preset=smoke",
        "model.neurons=8",
        "criterion.limit=3",
        "criterion.window=2",
        "sweep.problems=1",
        "sweep.chunk=1",
    ]
    small += ["sweep.seeds=1", "sweep.rates=[1e-3]", 'sweep.models=["rate"]']
    result = call("sweep", "dms", *settings(*small))
    assert result.exit_code == 0, result.output
    assert "0 of 1" in result.stdout
    assert "solved nothing" in result.stdout
    assert (here / "runs" / "sweep-dms" / "sweep.toml").is_file()
    again = call("sweep", "dms", "--resume", *settings(*small))
    assert again.exit_code == 0, again.output
    refused(call("sweep", "dms", *settings(*small)), "sweep-dms")
    refused(call("sweep", "dms", *settings('sweep.models=["lstm"]'), "--out", "other"), "lstm", "attention")
    refused(call("sweep", "cd-dms", "--resume", "--out", "runs/sweep-dms"), "holds the run")
    refused(call("sweep", "dms", "--resume", *settings("sweep.seeds=2")), "sweep.seeds=2; leave")


@pytest.mark.parametrize(
    ("command", "name"), [("sweep", "ip2-study"), ("search", "ip2-study"), ("sweep", "mpsl-digits")]
)
def test_searches_and_sweeps_want_a_task_family(here, command, name):
    refused(call(command, name), f"{name} is of the kind", "give one that has, such as dms")
    assert not (here / "runs").exists()


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("search.name=guess", ["search.name", "guess", "halving", "relaxed"]),
        ("search.problemz=3", ["unknown key 'search.problemz'"]),
        ("search.first=0", ["search: first is 0; give 1 or more"]),
        ('search={name="evolution", population=0}', ["search: population is 0; give 2 or more"]),
        ('search={name="preset", mask="01"}', ["search.mask is '01'; give one 0 or 1"]),
        ('pilot.groups={axon=["*.axon"]}', ["'*.axon'", "matches no parameter"]),
        ("pilot.groups={}", ["groups is empty"]),
        ("pilot.seeds=0", ["pilot.seeds"]),
        ("pilot.always=[]", ["pilot.always is empty"]),
    ],
)
def test_a_search_that_does_not_fit_is_refused(here, setting, words):
    refused(call("search", "dms", *settings("preset=smoke", setting)), *words)
    assert not (here / "runs").exists()


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("search.name=relaxed", ["relaxed gates learning rates, not channels"]),
        ('pilot.channels=["hebb"]', ["no channel 'hebb'", "stbp"]),
        ("pilot.groups={}", ["unknown key 'pilot.groups'"]),
    ],
)
def test_a_search_for_channels_that_does_not_fit_is_refused(here, setting, words):
    refused(call("search", "mpsl-digits", *settings("preset=smoke", setting)), *words)
    assert not (here / "runs").exists()
