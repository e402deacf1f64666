"""Figures and the page: drawn from a directory alone, the same bytes each time, nothing fetched."""

import re
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from metaplast.figures.run import draw_all, learning_curves
from metaplast.report import check_reportable, named, number, write_report, write_vectors
from metaplast.report.run import section
from metaplast.runs import ProblemRow, ProblemTable, RunDirectory, network_name, trial_name

NEURONS, STEPS = 8, 20
PREFIX = "network.populations.recurrent.neuron."


def synthetic_run(path: Path, conditions: tuple[str, ...], problems: int = 12, arrays: bool = True) -> RunDirectory:
    """A tiny run in which `fixed` keeps its intrinsic parameters and fails once, and every other condition moves.

    Without `arrays` only one figure can be drawn, which is quicker.
    """
    run = RunDirectory.create(path)
    run.write_config(
        {
            "experiment": "learning_to_learn",
            "assumed": ["dt <10 ms>"],
            "family": {"name": "dms"},
            "model": {"neurons": 8},
        }
    )
    generator = np.random.default_rng(0)
    for condition in conditions:
        for seed in range(2):
            run.append_problems(_row(condition, seed, problem) for problem in range(problems))
            if not arrays:
                continue
            start = {PREFIX + "tau_soma": generator.uniform(10, 50, NEURONS), PREFIX + "threshold": np.ones(NEURONS)}
            end = start if condition == "fixed" else {path: value * 1.1 for path, value in start.items()}
            run.write_arrays(network_name(condition, seed, "start"), start)
            run.write_arrays(network_name(condition, seed, "end"), end)
            run.write_arrays(trial_name(condition, seed), _trial(generator))
    run.write_meta({"seconds": 12.5, "seconds_compile": 3.25, "packages": {"jax": "0.0"}, "commit": ""})
    return run


def _row(condition: str, seed: int, problem: int) -> ProblemRow:
    failed = condition == "fixed" and problem == 5
    updates = 500 if failed else int(100 * np.exp(-problem / 4) + 5)
    return ProblemRow(condition, seed, problem, updates, np.nan if failed else 0.01, 0.98, not failed, 15.0)


def _trial(generator: np.random.Generator) -> dict[str, np.ndarray]:
    voltage = generator.normal(0.5, 0.5, (STEPS, NEURONS))
    late = np.arange(STEPS) >= 15
    return {
        "inputs": generator.random((STEPS, 3)),
        "target": late.astype(int),
        "mask": np.ones(STEPS),
        "decision": late.astype(float),
        "spikes": (voltage > 1).astype(float),
        "voltage": voltage,
        "threshold": np.ones(NEURONS),
        "output": generator.normal(size=(STEPS, 2)),
        "dt": np.array(10.0),
        "period_names": np.array(["sample", "response"]),
        "period_ends_ms": np.array([150.0, 200.0]),
    }


def test_outputs_are_called_by_their_names_where_a_run_kept_them():
    from metaplast.figures.network import trial as figure

    arrays = _trial(np.random.default_rng(0))
    for names, kept in ((["output 0", "output 1"], {}), (["response 0", "go"], {"output_names": ["response 0", "go"]})):
        legend = figure({**arrays, **{key: np.array(value) for key, value in kept.items()}}, "").axes
        assert names in [
            [text.get_text() for text in axes.get_legend().get_texts()] for axes in legend if axes.get_legend()
        ]


@pytest.fixture(scope="module")
def reported(tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    """One run with its report, shared because drawing is slow: only to be read."""
    run = synthetic_run(tmp_path_factory.mktemp("reported") / "run", ("fixed", "<b>bold"))
    write_report([run])
    return run


def test_every_figure_is_drawn_small_and_the_same_again(reported: RunDirectory):
    names = ["learning.png", "trial-fixed.png", "trial-<b>bold.png", "intrinsic-<b>bold.png"]
    contents = {path.name: path.read_bytes() for path in reported.figures.iterdir()}
    assert sorted(contents) == sorted(names)
    assert all(content.startswith(b"\x89PNG") and len(content) < 400_000 for content in contents.values())
    again = draw_all(reported)
    assert [path.name for path in again] == names
    assert all(path.read_bytes() == contents[path.name] for path in again)


def test_silent_and_tiny_trials_are_drawn(tmp_path: Path):
    run = synthetic_run(tmp_path / "run", ("fixed",), problems=1)
    trial = _trial(np.random.default_rng(0))
    two = {key: value[:, :2] for key, value in trial.items() if key in ("spikes", "voltage")}
    silent = trial | two | {"spikes": np.zeros((STEPS, 2)), "threshold": np.array(1.0)}
    run.write_arrays(trial_name("fixed", 0), {key: silent[key] for key in silent if not key.startswith("period")})
    # Learning changed nothing, and one figure says so.
    assert [path.name for path in draw_all(run)] == ["learning.png", "trial-fixed.png", "intrinsic-fixed.png"]


@pytest.mark.slow
def test_figures_for_print_are_the_same_again(reported: RunDirectory):
    first = {path: path.read_bytes() for path in write_vectors([reported])}
    assert {path.stem for path in first} == {path.stem for path in reported.figures.glob("*.png")}
    assert all(content.startswith(b"%PDF") for content in first.values())
    assert {path: path.read_bytes() for path in write_vectors([reported])} == first


def test_page_is_self_contained_and_escaped(reported: RunDirectory):
    page = (reported.path / "report.html").read_text()
    assert page.count("data:image/png;base64,") == 4
    # Everything that a browser would fetch is in the page: the only other sources are anchors.
    assert all(source.startswith("data:") for source in re.findall(r'(?:src|href)="([^"]*)"', page))
    assert "url(" not in page
    assert "<b>bold" not in page
    assert "&lt;b&gt;bold" in page
    assert "dt &lt;10 ms&gt;" in page
    assert str(reported.path.parent) not in page


def test_page_states_the_numbers(reported: RunDirectory):
    page = (reported.path / "report.html").read_text()
    for words in ("learning to learn: dms", "2 of 48", "network of 8 neurons with 2 seeds", "12.5", "3.25"):
        assert words in page
    assert "as it was in: fixed." in page


def test_a_network_that_diverged_counts_the_limit_and_is_told_of(tmp_path: Path):
    """Three updates until the loss is no number are no fast learning."""
    run = synthetic_run(tmp_path / "run", ("fixed",), problems=1, arrays=False)
    run.write_config(run.config | {"criterion": {"limit": 700}})
    run.append_problems([ProblemRow("broken", 0, 0, 3, np.nan, 0.5, False, 0.0)])
    shown = {row.name: row.numbers for row in section(run, "one").conditions}
    assert (shown["broken"].updates_total, shown["broken"].diverged) == (700, 1)
    assert (shown["fixed"].updates_total, shown["fixed"].diverged) == (105, 0)
    assert "in 1 of them the loss was no number any more" in write_report([run]).read_text()


@pytest.mark.parametrize("kind", ["allocation-search", "channel-search", "rate-sweep"])
def test_searches_and_sweeps_have_no_report(tmp_path: Path, kind: str):
    run = RunDirectory.create(tmp_path / "run")
    run.write_config({"experiment": kind})
    with pytest.raises(ValueError, match=r"is a (search|sweep); see its figures/.*Reports are of runs and studies"):
        check_reportable([run])


def test_several_runs_are_compared(tmp_path: Path):
    runs = [synthetic_run(tmp_path / name, ("fixed",), arrays=False) for name in ("one", "two")]
    path = write_report(runs, tmp_path / "out" / "both.html")
    page = path.read_text()
    assert path.parent.name == "out"
    assert "2 runs compared" in page
    assert 'href="#run-2"' in page
    assert 'id="run-2"' in page
    assert not (runs[0].path / "report.html").exists()


def test_a_run_without_results_still_has_a_page(tmp_path: Path):
    run = RunDirectory.create(tmp_path / "run")
    run.write_config({"seed": 0})
    page = write_report([run]).read_text()
    assert "No problem has been learned yet" in page
    with pytest.raises(ValueError, match="got no run"):
        write_report([])


def test_words_and_numbers():
    assert named({"model": {"neurons": 100}, "family": {"name": "dms"}}, "neurons") == "100"
    assert named({"family": {"name": "dms"}}, "family") == "dms"
    assert named({}, "family") == ""
    assert [number(value) for value in (3.0, 0.12345, 12345.6, 0)] == ["3", "0.123", "12,346", "0"]


def test_a_run_in_which_nothing_was_solved_is_drawn(tmp_path: Path):
    run = RunDirectory.create(tmp_path / "run")
    run.write_config({"experiment": "learning_to_learn"})
    run.append_problems(_row("fixed", 0, problem)._replace(solved=False) for problem in range(3))
    assert [path.name for path in draw_all(run)] == ["learning.png"]
    assert "3 of 3" in write_report([run]).read_text()


def test_the_legend_tells_how_much_the_fit_explains():
    falling = [
        _row("fixed", 0, problem)._replace(solved=True, updates=int(200 * 0.8**problem) + 7) for problem in range(60)
    ]
    words = learning_curves(Figure().subplots(), ProblemTable.from_rows(falling), "fixed", "black", 1.0)
    assert re.fullmatch(r"a = \d+, T = [\d.]+, c = [\d.]+, R² = 1\.00", words)
