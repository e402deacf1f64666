"""Disturbances of channels one by one and of their sum: two matrices of one run, told apart wherever they are shown."""

from dataclasses import replace

import pytest
from typer.testing import CliRunner

from classification_helpers import configured, patterns
from metaplast.analysis.classification.robustness import FILE, MERGED, read_robustness
from metaplast.cli import app
from metaplast.config import to_table
from metaplast.experiments.classification import data as classification_data
from metaplast.experiments.classification import robustness as classification_robustness
from metaplast.experiments.classification.experiment import build
from metaplast.experiments.classification.robustness import measure_robustness
from metaplast.experiments.classification.session import run
from metaplast.report import write_pages
from metaplast.runs import RunDirectory

SETTINGS = (
    "training.epochs=1",
    "training.seeds=1",
    "robustness.test=10",
    'conditions={S={channels=["stbp"], single=true}, "S+R"={channels=["stbp", "random"]}}',
)
SUMMED = "robustness.merged=true"
KINDS = ["gaussian", "weight-noise"]
"""All others are measured elsewhere; a program of two compiles in a second."""
TITLES = "Under disturbance", "Under disturbance, channels as one synapse"
NOTES = (
    "the first 10 test examples told right, mean over levels 1 to 6 of a kind, all kinds alike in the first column. "
    "Every channel of a layer is damaged by itself.",
    "the first 10 test examples told right, mean over levels 1 to 6 of a kind, all kinds alike in the first column. "
    "The channels of a layer are summed into one synapse before it is damaged.",
)


@pytest.fixture(scope="module", autouse=True)
def without_files():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(classification_data, "load", lambda *_, **__: patterns())
        patch.setattr(classification_robustness, "kinds_for", lambda grid: KINDS)
        yield


@pytest.fixture(scope="module")
def grid(without_files, quick_compilation):
    return build(configured(*SETTINGS))


@pytest.fixture(scope="module")
def disturbed(grid, tmp_path_factory):
    """A run that was disturbed twice."""
    place = RunDirectory.create(tmp_path_factory.mktemp("disturbed") / "run")
    run(grid, place, lambda now: None)
    measure_robustness(grid, place, lambda *_: None)
    measure_robustness(replace(grid, config=configured(*SETTINGS, SUMMED)), place, lambda *_: None)
    return place


def accuracies(place, condition, kind, merged):
    """By level, from the first, undisturbed one."""
    chosen = [row for row in read_robustness(place, merged=merged) if (row.condition, row.kind) == (condition, kind)]
    assert [row.level for row in chosen] == list(range(7))
    return [row.accuracy for row in chosen]


def test_both_matrices_are_there_and_agree_where_nothing_is_damaged(disturbed):
    assert (disturbed.path / "analysis.toml").read_text() == "test = 10\n"
    for condition in ("S", "S+R"):
        for kind in KINDS:
            single, summed = (accuracies(disturbed, condition, kind, merged) for merged in (False, True))
            assert single[0] == summed[0]
            # Only where several channels are damaged is it another thing to damage their sum.
            assert (single == summed) == ((condition, kind) != ("S+R", "weight-noise"))


def test_the_report_and_its_text_show_both_and_say_which_is_which(disturbed, tmp_path):
    page, text = (path.read_text() for path in write_pages([disturbed], tmp_path / "page.html", tmp_path / "mpsl.md"))
    for written in (page, text):
        for words in (*NOTES, "Together or alone, under disturbance, channels as one synapse"):
            assert written.count(words) == 1
        assert "merged =" not in written
    for title in TITLES:
        assert page.count(f"<h2>{title}</h2>") == 1
    assert page.count("<h2>Robustness, channels as one synapse</h2>") == 1
    assert "As above, for" not in page
    for name in ("robustness", "robustness-merged"):
        assert (tmp_path / "mpsl" / f"{disturbed.name}-{name}.png").is_file()


def test_both_are_of_the_same_examples(grid, disturbed):
    others = replace(grid, config=configured(*SETTINGS, SUMMED, "robustness.test=20"))
    with pytest.raises(ValueError, match=rf"test = 10, not 20; give the same, or remove {FILE}, {MERGED} and analysis"):
        measure_robustness(others, disturbed, lambda *_: None)


def test_what_cannot_be_summed_is_refused_at_the_door(tmp_path):
    """Cells of a feature map share a kernel, which cannot hold a gain of each."""
    network = 'network={kind="convolutional", stages=[{channels=3}], hidden=[], steps=2}'
    condition = 'conditions={X={channels=["stbp", "random"], assignment={name="per-neuron"}}}'
    place = RunDirectory.create(tmp_path / "run")
    place.write_config(to_table(configured(network, condition, "training.seeds=1")))
    place.write_summary({"conditions": {}})
    before = {path.name for path in place.path.iterdir()}
    result = CliRunner().invoke(app, ["analyse", str(place.path), "--set", SUMMED], env={"COLUMNS": "200"})
    assert result.exit_code == 2, f"{result.output} {result.exception!r}"
    assert result.stderr.startswith("error: conditions.X: its channels cannot become one synapse: hidden1-")
    assert "has a gain of shape (4, 4, 3), expected (); leave out robustness.merged, or" in result.stderr
    assert {path.name for path in place.path.iterdir()} == before
