"""The command line: what it shows, and that a mistake costs one clear line and exit code 2."""

import io
import tomllib
from pathlib import Path

import pytest
from rich.console import Console

from cli_helpers import call, refused, settings
from metaplast.cli.listing import show_experiments
from metaplast.experiments.catalogue import CLASSIFICATIONS, NAMES, STUDIES
from metaplast.provenance import package_version
from metaplast.runs import RunDirectory

TINY = ["preset=smoke", "model.neurons=12", "criterion.limit=5", "criterion.window=3", "run.problems=2"]


def test_list_shows_every_named_experiment():
    result = call("list")
    assert result.exit_code == 0
    assert {line.split()[0] for line in result.stdout.splitlines() if line.strip()} > set(NAMES)
    assert "metaplast run dms --set preset=smoke" in result.stdout
    (line,) = (line for line in result.stdout.splitlines() if line.split()[:1] == ["mpsl-digits"])
    assert line.rstrip().endswith("grid, others, smoke")


@pytest.mark.parametrize("columns", [70, 80, 200])
def test_list_cuts_no_name_in_a_narrow_terminal(columns):
    console = Console(file=io.StringIO(), width=columns, force_terminal=True, color_system=None)
    show_experiments(console)
    text = console.file.getvalue()  # pyright: ignore
    assert "…" not in text
    assert all(f" {name} " in text for name in (*NAMES, *CLASSIFICATIONS, *STUDIES))


def test_the_version_is_told():
    result = call("--version")
    assert (result.exit_code, result.stdout) == (0, f"metaplast {package_version('metaplast')}\n")


@pytest.mark.parametrize(
    ("command", "example"),
    [
        ("list", "metaplast list"),
        ("run", "metaplast run dms --set preset=smoke"),
        ("run", "metaplast run dms --out runs/dms --resume"),
        ("search", "metaplast search cd-dms --set search.name=exhaustive"),
        ("sweep", "metaplast sweep cd-dms --resume"),
        ("analyse", "metaplast analyse runs/dms --lesions --set analysis.bins=4"),
        ("report", "metaplast report runs/dms runs/cd-dms --out comparison.html"),
    ],
)
def test_help_shows_examples(command, example):
    result = call(command, "--help")
    assert result.exit_code == 0
    assert example in " ".join(result.stdout.split())


def test_without_a_command_the_commands_are_shown():
    result = call()
    assert all(command in result.output for command in ("list", "run", "report"))


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("model.neuronz=3", ["unknown key 'model.neuronz'", "model.neurons"]),
        ("model.neurons=many", ["model.neurons", "got `str`"]),
        ("model.neurons=-4", ["model.neurons", ">= 1"]),
        ("run.problems=-1", ["run.problems", ">= 1"]),
        ("criterion.limit=4", ["criterion.window is 5 and criterion.limit 4", "no problem could be solved"]),
        ("run.seed=99999999999999999999", ["run.seed"]),
        ("family.delay=-200", ["delay is -200.0 ms", "not negative"]),
        ("family.delay=15", ["delay is 15.0 ms", "whole number of steps"]),
        ("family.dt=0", ["dt is 0.0 ms", "must be positive"]),
        ("family.stimulus_size=3", ["4 orthonormal stimuli", "stimulus_size = 3"]),
        ("model.tau_low=[1.0, 2.0]", ["model.tau_low", "Expected `float`", "got `array`"]),
        ("model.tau_low=600", ["time constants", "600", "551"]),
        ("learning.rate=nan", ["learning.rate is nan; give a finite number"]),
        ("learning.rate=inf", ["learning.rate is inf; give a finite number"]),
        ("family.delay=nan", ["family.delay is nan; give a finite number"]),
        ('conditions={slow=["*.tau_axon"]}', ["conditions.slow", "'*.tau_axon' matches no parameter"]),
        ('learning.rates={"*.tau_axon"=0.1}', ["'*.tau_axon' matches no parameter"]),
        ('model.intrinsic=[{name="noise", sigma=-1.0}]', ["model.intrinsic.sigma is -1.0"]),
        ("family=3", ["family", "got `int`"]),
        ("preset=big", ["preset 'big' does not exist", "smoke"]),
        ("model.neurons", ["has no '='"]),
    ],
)
def test_a_wrong_setting_is_one_line_and_writes_nothing(here, setting, words):
    refused(call("run", "dms", *settings("model.neurons=12", setting), "--out", here / "run"), *words)
    assert list(here.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "setting", "words"),
    [
        ("mpsl-digits", 'conditions.X={channels=["hebb"]}', ["no channel 'hebb'", "stbp"]),
        ("mpsl-digits", "network.hiddn=[3]", ["unknown key 'network.hiddn'", "network.hidden"]),
        ("mpsl-digits", "training.epochs=0", ["training.epochs", ">= 1"]),
        ("mpsl-mnist", 'data.root="nowhere"', ["mnist", "nowhere"]),
        ("mpsl-mnist", 'data.name="letters"', ["data.name is 'letters'", "digits"]),
    ],
)
def test_a_wrong_setting_of_a_classification_is_one_line_and_writes_nothing(here, name, setting, words):
    refused(call("run", name, *settings(setting), "--out", here / "run"), *words)
    assert list(here.iterdir()) == []


def test_a_wrong_file_is_one_line(here):
    Path("key.toml").write_text('[family]\nname = "delayed-match"\ndelai = 3\n')
    refused(call("run", "key.toml"), "family.delai", "unknown setting of delayed-match")
    Path("table.toml").write_text('[family]\nname = "delayed-match"\n[model]\nneuronz = 3\n')
    refused(call("run", "table.toml"), "unknown field `neuronz`")
    Path("broken.toml").write_text("[family\n")
    refused(call("run", "broken.toml"), "broken.toml is not valid TOML", "line 1")
    refused(call("run", "missing.toml"), "no configuration file missing.toml")
    refused(call("run", "dsm"), "no experiment 'dsm'", "cd-dms")
    assert not Path("runs").exists()


def test_directories_that_do_not_fit_are_one_line(here):
    full = here / "full"
    full.mkdir()
    (full / "notes.txt").write_text("mine")
    tiny = settings(*TINY)
    refused(call("run", "dms", *tiny, "--out", full), "exists and is not empty", "--resume")
    refused(call("run", "dms", *tiny, "--out", full / "notes.txt"), "exists and is not empty")
    refused(call("run", "dms", "--out", here / "none", "--resume"), "is not a directory")
    refused(call("run", "dms", "--out", full, "--resume"), "is not a run directory")
    refused(call("run", "dms", "--out", full, "--resume", "--seed", 3), "")
    refused(call("report", here / "none"), "is not a directory")
    refused(call("report", full), "is not a run directory")
    begun = RunDirectory.create(here / "begun")
    begun.write_config({"experiment": "learning-to-learn"})
    going_on = f"metaplast run {begun.path}/config.toml --out {begun.path} --resume"
    refused(call("report", begun.path), "has not finished", going_on)
    refused(call("analyse", here / "none"), "is not a directory")
    refused(call("analyse", begun.path), "has not finished", going_on)
    assert (full / "notes.txt").read_text() == "mine"


def test_a_run_is_made_reported_and_resumed(here, quick_compilation):
    """Run with a preset, draw again, resume what is finished."""
    result = call("run", "dms", *settings(*TINY), "--seed", 4, "--out", "first")
    assert result.exit_code == 0, result.output
    assert "report: first/report.html" in result.stdout.replace("\n", "")
    for word in ("fixed", "intrinsic", "failures"):
        assert word in result.stdout
    config = tomllib.loads(Path("first/config.toml").read_text())
    assert (config["run"]["seed"], config["preset"], config["model"]["neurons"]) == (4, "smoke", 12)
    page = Path("first/report.html").read_bytes()
    assert call("report", "first").exit_code == 0
    assert Path("first/report.html").read_bytes() == page
    assert call("report", "first", "--out", "page.html").exit_code == 0
    assert Path("page.html").is_file()
    refused(call("run", "dms", "--resume", "--out", "first", *settings(*TINY, "run.seeds=2")), "than run.seeds=2;")
    refused(call("run", "dms", "--resume", "--out", "first", "--seed", 5), "others than run.seed=5; leave")
    refused(call("run", "dms", "--resume", "--out", "first", *settings("preset=tight")), "than preset=tight;")
    refused(call("run", "dms", "--resume", "--out", "first", *settings("run.sed=2")), "unknown key 'run.sed'")
    rows = Path("first/problems.csv").read_bytes()
    resumed = call("run", "dms", "--resume", "--out", "first", *settings("run.seeds=2", *TINY, "run.seeds=1"))
    assert resumed.exit_code == 0, resumed.output
    assert Path("first/problems.csv").read_bytes() == rows


@pytest.mark.slow
def test_a_run_is_analysed(here, quick_compilation):
    """Its networks run once more."""
    result = call("run", "dms", *settings(*TINY), "--seed", 4, "--out", "first")
    assert result.exit_code == 0, result.output
    few = settings("analysis.trials=2", "analysis.bins=2")
    result = call("analyse", "first", "--lesions", "--within", *few)
    assert result.exit_code == 0, result.output
    assert "4/4" in result.stdout
    assert "2/2" in result.stdout
    assert Path("first/probes/intrinsic-seed4-end.npz").is_file()
    page = Path("first/report.html").read_text()
    assert "What the loss of neurons costs: intrinsic" in page
    assert "The loss within a problem" in page
    assert "starts as it was saved before this problem" in page
    refused(call("analyse", "first", "--within", *few, *settings("analysis.within=[1]")), "no network was saved before")
    refused(call("analyse", "first", *settings("analysis.bins=3", "analysis.trials=2")), "analysis.bins = 2, not 3")
    refused(call("analyse", "first", *settings("analysis.bin=2")), "unknown key 'analysis.bin'", "analysis.bins")
    refused(call("analyse", "first", *settings("analysis.trials=0")), "analysis.trials", ">= 1")
