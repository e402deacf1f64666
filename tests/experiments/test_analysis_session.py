"""What is measured in the saved networks of a run, snapshots included; and that what was killed goes on."""

import itertools
import shutil
from pathlib import Path

import numpy as np
import pytest

from metaplast.analysis.learning_to_learn.within import WithinRow, courses, median_course, read_within, write_within
from metaplast.analysis.networks.lesion_table import RANDOM, read_lesions, read_rows, write_rows
from metaplast.config import to_table
from metaplast.experiments import Study, build, configuration, run
from metaplast.experiments.learning_to_learn.analysis_session import analyse, analysis_configuration
from metaplast.experiments.learning_to_learn.experiment import Lane, lane_model
from metaplast.experiments.learning_to_learn.lesions import check_lesions, groups_of
from metaplast.experiments.learning_to_learn.probes import Probe, distinct, probe_arrays, probes_of
from metaplast.experiments.learning_to_learn.within import check_within, measure_within, problems_again
from metaplast.figures.within import shown_problems, within
from metaplast.models import Response
from metaplast.run_names import Moment, network_name, probe_name
from metaplast.runs import RunDirectory
from metaplast.tasks import Trial

SMALL = ["preset=smoke", "model.neurons=20", "criterion.loss_below=0.1", "criterion.limit=80", "learning.rate=1e-2"]
SMALL += ["run.problems=6", "run.snapshots=2", "run.seeds=2", "analysis.trials=16", "analysis.bins=3"]
READOUT = "network.projections.readout.weight", "network.populations.readout.bias"
MOMENTS = [("start", 0), ("after0002", 2), ("after0004", 4), ("end", 6)]


def study_of(*settings: str) -> Study:
    return build(configuration("dms", [*SMALL, *settings]))


def quiet(*_: object) -> None:
    """Nobody listens."""


@pytest.fixture(scope="module")
def study(quick_compilation) -> Study:
    return study_of()


@pytest.fixture(scope="module")
def whole(study, tmp_path_factory) -> RunDirectory:
    """A run with snapshots; beside it `killed`, as it was after four problems. Only to be read."""
    place = RunDirectory.create(tmp_path_factory.mktemp("runs") / "whole")

    def told(progress) -> None:
        if progress.done == 4:
            shutil.copytree(place.path, place.path.parent / "killed")

    run(study, place, told)
    return place


@pytest.fixture(scope="module")
def analysed(study, whole) -> RunDirectory:
    """The same with its analysis. Only to be read."""
    place, told = RunDirectory.open(shutil.copytree(whole.path, whole.path.parent / "analysed")), []
    analyse(study, place, lambda *now: told.append(now), lesions=True, within=True)
    ends = {("probe trials", 16, 16), ("lesions", 4, 4), ("loss within problems", 16, 16)}
    assert {now for now in told if now[1] == now[2]} == ends
    return place


@pytest.fixture(scope="module")
def longer(study, whole) -> RunDirectory:
    """The killed run, which went on for two problems more than it was meant to."""
    place = RunDirectory.open(whole.path.parent / "killed")
    for path in (place.path / "networks").glob("*-after0004.npz"):
        path.rename(path.with_name(f".{path.name}.1.partial"))  # as if killed while they were made
    study = study_of("run.problems=8")
    place.write_config(to_table(study.config))
    run(study, place, quiet, resume=True)
    return place


def same_arrays(one: RunDirectory, two: RunDirectory, name: str, name_of_two: str = "") -> bool:
    first, second = one.read_arrays(name), two.read_arrays(name_of_two or name)
    return first.keys() == second.keys() and all(first[key].tobytes() == second[key].tobytes() for key in first)


def test_chunks_end_at_every_snapshot():
    sizes = {(1000, 100, 50): 50, (1000, 30, 50): 10, (1001, 91, 50): 13, (20, 0, 8): 5, (20, 40, 50): 20}
    for (problems, every, chunk), expected in sizes.items():
        settings = [f"run.problems={problems}", f"run.snapshots={every}", f"run.chunk={chunk}"]
        config = configuration("dms", settings)
        assert Study(config, None, None, None, (), None, None).chunk == expected  # pyright: ignore


@pytest.mark.slow
def test_snapshots_are_those_of_a_run_that_ended_there_and_of_one_that_was_killed(study, whole, longer):
    for lane in study.lanes:
        assert [tuple(moment) for moment in whole.moments(*lane)] == MOMENTS
        assert [tuple(moment) for moment in longer.moments(*lane)][-2:] == [("after0006", 6), ("end", 8)]
        assert same_arrays(whole, longer, network_name(*lane, "after0002"))
        assert same_arrays(whole, longer, network_name(*lane, "end"), network_name(*lane, "after0006"))
        assert not same_arrays(whole, whole, network_name(*lane, "end"), network_name(*lane, "after0004"))


@pytest.mark.slow
def test_the_intact_network_learns_on_as_the_run_would_have(study, analysed, longer):
    table, rows = read_lesions(analysed), longer.problems()
    for condition, seed in study.lanes:
        (updates,) = np.unique(table.updates_intact[(table.condition == condition) & (table.seed == seed)])
        assert updates == rows.lane(condition, seed).updates[6]


@pytest.mark.slow
def test_a_problem_that_is_learned_again_ends_where_it_ended_in_the_run(study, analysed, whole, longer):
    """The first, those after snapshots, and the one after the last, which the longer run went on to."""
    rows = read_within(analysed)
    assert {row.problem for row in rows} == {0, 2, 4, 6}
    for condition, seed in study.lanes:
        for problem in (0, 2, 4, 6):
            losses = courses(rows, condition, problem)[seed]
            recorded = (longer if problem == 6 else whole).problems().lane(condition, seed)
            assert len(losses) == recorded.updates[problem] <= 80
            assert losses[-5:].mean() == pytest.approx(recorded.loss[problem], rel=1e-4)
    updates = [row.update for row in rows if row.problem == 2 and (row.condition, row.seed) == study.lanes[0]]
    assert updates == list(range(1, len(updates) + 1))


def test_problems_of_an_earlier_version_are_learned_again_with_the_target_of_the_run(study, analysed, tmp_path):
    """What the learner carried was not saved: the estimate of the singular vectors starts from the exact ones."""
    place = RunDirectory.open(shutil.copytree(analysed.path, tmp_path / "run"))
    shutil.rmtree(place.path / "learners")
    (place.path / "analysis" / "within.csv").unlink()
    one = study_of("analysis.within=[4]", "analysis.seeds=1")
    told = []
    measure_within(one, place, lambda *now: told.append(now))
    assert (told[0], told[-1]) == ((0, 2), (2, 2))
    rows, exact = read_within(place), read_within(analysed)
    assert {(row.seed, row.problem) for row in rows} == {(0, 4)}
    found, wanted = (courses(one, "fixed", 4)[0] for one in (rows, exact))
    assert found[0] == wanted[0]
    assert len(found) == pytest.approx(len(wanted), rel=0.3)


def test_the_report_shows_the_loss_within_problems(study, analysed):
    rows = read_within(analysed)
    assert shown_problems(rows) == [0, 2, 4, 6]
    figure = within(rows, {"fixed": "#000000", "intrinsic": "#0072B2"}, 0.1)
    assert [axes.get_title() for axes in figure.axes] == ["problem 1", "problem 3", "problem 5", "problem 7"]
    many = [WithinRow("fixed", 0, problem, 1, 0.5) for problem in range(0, 100, 5)]
    assert (len(shown_problems(many)), shown_problems(many)[0], shown_problems(many)[-1]) == (8, 0, 95)


def test_a_network_that_is_done_keeps_its_last_loss_in_the_median():
    quick, slow, broken = np.array([3.0, 1.0]), np.array([3.0, 2.0, 1.5, 1.0]), np.array([3.0, np.nan])
    assert median_course([quick, slow, slow + 1]).tolist() == [3.0, 2.0, 1.5, 1.0]
    assert median_course([quick, slow, broken]).tolist() == [3.0, 2.0, 1.5, 1.0]
    assert np.isinf(median_course([broken])[-1])


def test_what_was_not_attempted_is_not_learned_again(study, whole, tmp_path):
    place = RunDirectory.open(shutil.copytree(whole.path, tmp_path / "run"))
    place.truncate_problems(lambda row: row.seed == 0 or row.problem < 3)  # as if seed 1 had given up
    again = problems_again(study, place)
    assert [one.problem for one in again if one.lane == Lane("fixed", 0)] == [0, 2, 4, 6]
    assert [one.problem for one in again if one.lane == Lane("fixed", 1)] == [0, 2]
    with pytest.raises(ValueError, match=r"no network was saved before problem 3; there are some before: 0, 2, 4, 6"):
        check_within(study_of("analysis.within=[2,3]"), whole)


def test_probes_have_the_shapes_that_others_read(study, analysed):
    steps, trials, neurons = 50, 16, 20
    assert len(list((analysed.path / "probes").iterdir())) == 16
    for moment, learned in MOMENTS:
        one, two = (analysed.read_arrays(probe_name(name, 1, moment)) for name in ("fixed", "intrinsic"))
        assert one["spikes"].shape == one["voltage"].shape == (steps, trials, neurons)
        assert (one["spikes"].dtype, one["voltage"].dtype) == (np.uint8, np.float32)
        assert one["inputs"].shape == (steps, trials, study.family.channels)
        assert one["target"].shape == one["decision"].shape == (steps, trials)
        assert one["stimulus"].shape == (trials,)
        assert (int(one["problem"]), float(one["dt"])) == (max(learned - 1, 0), study.family.dt)
        assert set(np.unique(one["spikes"])) == {0, 1}
        # All conditions of a seed see the same trials.
        assert all(np.array_equal(one[name], two[name]) for name in ("inputs", "target", "stimulus"))
        for index in range(one["stimulus"].max() + 1):
            assert np.ptp(one["inputs"][:, one["stimulus"] == index], axis=1).max() < 1e-5
        assert 1 < one["stimulus"].max() + 1 <= 4


def test_distinct_inputs_are_told_apart():
    first, second = np.random.default_rng(0).normal(size=(2, 6, 3))
    inputs = np.stack([first, second, first + 1e-8, second, -0.0 * first, 0.0 * first], axis=1)
    found = distinct(inputs)
    assert [found[0] == found[2], found[1] == found[3], found[4] == found[5]] == [True] * 3
    assert sorted(np.unique(found)) == [0, 1, 2]


def test_intact_accuracy_follows_from_the_probe_and_the_saved_readout(study, analysed):
    """Two ways: what lesions.csv says of the intact network, and what its saved membranes and weights say."""
    table = read_lesions(analysed)
    for condition, seed in study.lanes:
        probe = analysed.read_arrays(probe_name(condition, seed, "end"))
        weight, bias = (analysed.read_arrays(network_name(condition, seed, "end"))[path] for path in READOUT)
        output = ((probe["voltage"] @ weight + bias) * probe["decision"][..., None]).sum(axis=0)
        wanted = np.where(probe["decision"] > 0, probe["target"], -1).max(axis=0)
        rows = table.select((table.condition == condition) & (table.seed == seed))
        assert rows.accuracy_intact == pytest.approx((output.argmax(axis=1) == wanted).mean())


def test_lesions_have_every_bin_and_make_a_difference(study, analysed):
    table = read_lesions(analysed)
    assert list(dict.fromkeys(zip(table.condition, table.seed, strict=True))) == list(study.lanes)
    for condition, names in (("fixed", 3), ("intrinsic", 4)):  # thresholds that do not learn are all the same
        lane = table.select((table.condition == condition) & (table.seed == 1))
        assert len(lane) == 3 * names
        assert lane.neurons.tolist() == [7, 7, 6] * names
        assert len(np.unique(lane.loss_intact)) == len(np.unique(lane.updates_intact)) == 1
    assert np.isnan(table.low[table.property == RANDOM]).all()
    assert (table.loss != table.loss_intact).all()
    assert ((table.updates >= 5) & (table.updates <= 80)).all()
    assert len(np.unique(table.updates)) > 3


def test_a_killed_analysis_goes_on_to_the_same_end(study, analysed, tmp_path):
    place = RunDirectory.open(shutil.copytree(analysed.path, tmp_path / "run"))
    write_rows(place, [row for row in read_rows(place) if (row.condition, row.seed) == study.lanes[0]])
    gone = [place.path / f"{probe.name}.npz" for probe in probes_of(study, place)[5:8]]
    for path in gone:
        path.unlink()
    write_within(place, [row for row in read_within(place) if (row.condition, row.seed) != study.lanes[1]])
    told = []
    analyse(study, place, lambda *now: told.append(now), lesions=True, within=True)
    assert (told[0], told[-1]) == (("probe trials", 13, 16), ("loss within problems", 16, 16))
    assert ("loss within problems", 12, 16) in told
    for path in [*gone, place.path / "lesions.csv", place.path / "analysis" / "within.csv"]:
        assert path.read_bytes() == (analysed.path / path.relative_to(place.path)).read_bytes()


def test_groups_are_bins_by_rank_and_lots_that_share_no_neuron(key):
    model = lane_model(study_of("model.branches=2").start, 1)
    groups = groups_of(model, 3, key)
    assert [(group.property, group.bin) for group in groups] == [
        (name, place) for name in ("tau_dendrite", "tau_soma", RANDOM) for place in range(3)
    ]
    for first in (0, 3, 6):
        together = np.concatenate([group.neurons for group in groups[first : first + 3]])
        assert sorted(together.tolist()) == list(range(20))
    means = np.asarray(model.network.populations["recurrent"].neuron.tau_dendrite).mean(axis=0)
    for before, after in itertools.pairwise(groups[:3]):
        assert before.low == means[before.neurons].min()
        assert before.high == means[before.neurons].max() < after.low


def test_delays_of_axons_make_bins_too(key):
    model = lane_model(study_of("model.longest_delay=50").start, 1)
    groups = [group for group in groups_of(model, 3, key) if group.property == "delay"]
    assert [group.bin for group in groups] == [0, 1, 2]
    delay = np.asarray(model.network.populations["axons"].neuron.delay)
    assert groups[0].high == delay[groups[0].neurons].max() < groups[1].low
    assert groups[2].high == delay.max() < 5


def test_only_so_many_seeds_are_probed(study, whole):
    few = study_of("analysis.seeds=1")
    assert [probe.lane.seed for probe in probes_of(few, whole)] == [0] * 8
    assert len(probes_of(study, whole)) == 16


def test_graded_activity_is_told_from_spikes_and_cannot_be_lesioned(whole):
    study = build(configuration("association-rate", ["preset=smoke", "model.neurons=8"]))
    values = np.linspace(0, 2, 4 * 3 * 8, dtype=np.float32).reshape(4, 3, 8)
    trial = Trial(values[..., :2], np.zeros((4, 3), int), np.ones((4, 3)), np.ones((4, 3)))
    arrays = probe_arrays(study, Probe(Lane("rate", 0), Moment("end", 1)), trial, Response(values, values, values))
    assert "spikes" not in arrays
    assert np.array_equal(arrays["activity"], values)
    with pytest.raises(ValueError, match="cells of this model have none of tau_dendrite, tau_soma, threshold"):
        check_lesions(study, whole)


def test_what_does_not_fit_is_refused(study, whole, analysed, tmp_path: Path):
    assert analysis_configuration(analysed, ["analysis.seeds=1"]).analysis.seeds == 1
    with pytest.raises(ValueError, match=r"analysed with analysis\.bins = 3, not 4; give the same, or remove"):
        analysis_configuration(analysed, ["analysis.bins=4"])
    with pytest.raises(ValueError, match=r"--set run\.seeds=3: the run is over"):
        analysis_configuration(analysed, ["run.seeds=3"])
    begun = RunDirectory.create(tmp_path / "begun")
    begun.write_config({})
    with pytest.raises(ValueError, match="has not finished"):
        analysis_configuration(begun, [])
    with pytest.raises(ValueError, match=r"analysis\.bins is 21, but there are 20 neurons"):
        check_lesions(study_of("analysis.bins=21"), whole)
    with pytest.raises(FileNotFoundError, match=r"no checkpoint\.npz"):
        check_lesions(study, begun)
