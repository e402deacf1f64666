"""What a study says of problems that were not solved: paired, over the same problems, and with its doubts."""

from metaplast.analysis.study.evidence import gather
from metaplast.analysis.study.failures import more_heads_fail_more, only_hardest
from metaplast.analysis.study.panels import read_study
from metaplast.analysis.study.verdicts import CANNOT_TELL, DOES_NOT_HOLD, HOLDS
from metaplast.runs import ProblemRow, RunDirectory
from study_helpers import LIMIT, falling, plan, write_member, write_study, write_sweep

SEEDS = 4


def test_failures_of_attention_are_paired_by_seed_and_counted_until_it_gave_up(tmp_path):
    """H4 lacks seed 0, and seed 1 gave up: by position, or over the common problems, the sign would be another."""
    write_study(tmp_path / "study", {name: plan(name, "cd-dms") for name in ("cd-dms-H2", "cd-dms-H4")}, ["cd-dms"])
    two = {0: 40, 1: 1, 2: 2, 3: 3}
    four = {1: 20, 2: 30, 3: 40}
    for name, failed in (("H2", two), ("H4", four)):
        place = write_member(tmp_path / "study", f"cd-dms-{name}", {name: falling(1.0)}, 1, 80, model=name)
        place.truncate_problems(lambda row: False)
        for seed, count in failed.items():
            length = 30 if (name, seed) == ("H4", 1) else 80
            place.append_problems(
                ProblemRow(name, seed, i, 2000 if i >= length - count else 9, 0.1, 1.0, i < length - count, 1.0)
                for i in range(length)
            )
    (found,) = more_heads_fail_more(gather(read_study(RunDirectory(tmp_path / "study"))))
    assert found.verdict == HOLDS
    assert found.measured.startswith("H2 6 of 240; H4 90 of 190; 28 ")
    assert found.measured.endswith("in the 80 problems that both were to meet; H4 gave up: seed 1 after 30 problems")
    other = RunDirectory(tmp_path / "study" / "cd-dms-H2")
    other.truncate_problems(lambda row: row.seed != 2 or row.problem < 70)  # the side with fewer may have had more
    (found,) = more_heads_fail_more(gather(read_study(RunDirectory(tmp_path / "study"))))
    assert found.verdict == CANNOT_TELL


def test_attention_with_the_longer_plan_does_not_fail_more_for_its_length(tmp_path):
    """Both fail every fortieth problem; H2 was to meet 80 problems, H4 three times as many, and nobody gave up."""
    every_fortieth = lambda seed, problem: (LIMIT, False) if problem % 40 == seed else (9, True)  # noqa: E731
    path = tmp_path / "study"
    write_study(path, {name: plan(name, "cd-dms") for name in ("cd-dms-H2", "cd-dms-H4")}, ["cd-dms"])
    for name, problems in (("H2", 80), ("H4", 240)):
        write_member(path, f"cd-dms-{name}", {name: every_fortieth}, SEEDS, problems, model=name)
    (found,) = more_heads_fail_more(gather(read_study(RunDirectory(path))))
    assert found.verdict == DOES_NOT_HOLD
    assert found.measured.startswith("H2 8 of 320; H4 8 of 320; 0 ")
    assert found.measured.endswith("in the 80 problems that both were to meet")


def test_failures_beyond_what_all_networks_attempted_count_and_are_told_apart(tmp_path):
    """Seed 0 gave up after 10 problems, the others went on to 60."""
    path = tmp_path / "study"
    write_study(path, {"dms-rate": plan("dms-rate", "dms")}, ["dms"])
    run = write_member(path, "dms-rate", {"rate": lambda _, problem: (9, problem % 30 > 0)}, SEEDS, 60, model="rate")
    (whole, *_) = only_hardest(gather(read_study(RunDirectory(path))))
    assert whole.measured.endswith("in sequences of 60")
    run.truncate_problems(lambda row: row.seed > 0 or row.problem < 10)
    (found, *_) = only_hardest(gather(read_study(RunDirectory(path))))
    assert found.measured.startswith("7 of 190 problems of 4 networks failed")
    assert found.measured.endswith(", the first 10 of each attempted by all")
    assert found.verdict == DOES_NOT_HOLD


def test_failures_under_a_guessed_learning_rate_say_so(tmp_path):
    """The sweep of a family belongs to one member and serves all; a number given after it means that none was taken."""
    path, swept = tmp_path / "study", 'learning.rate="{study}/sweep-cd-dms-rate/sweep.toml"'
    plans = {name: plan(name, "cd-dms") | {"settings": [swept]} for name in ("cd-dms-H4", "cd-dms-rate", "cd-dms-gru")}
    plans["cd-dms-rate"] = plan("cd-dms-rate", "cd-dms") | {"steps": [{"kind": "run", "settings": [swept]}]}
    plans["cd-dms-given"] = plan("cd-dms", "cd-dms") | {"settings": [swept, "learning.rate=0.01"]}
    write_study(path, plans, ["cd-dms"])
    for name in ("rate", "gru", "H4", "given"):
        write_member(path, f"cd-dms-{name}", {name: lambda *_: (LIMIT, False)}, SEEDS, 5, model=name)
    heads = RunDirectory(path / "cd-dms-H4")
    heads.write_config(heads.config | {"model": {"name": "self-attention", "heads": 4}})
    hopeless = {1e-3: LIMIT, 1e-2: LIMIT}
    models = {"rate": hopeless, "attention-4": hopeless, "given": hopeless, "gru": {1e-3: 90.0, 1e-2: 50.0}}
    write_sweep(path, "cd-dms-rate", models, edge="highest")
    found = gather(read_study(RunDirectory(path)))
    only = {one.where: one for one in only_hardest(found)}
    guess = "no rate of the sweep solved a problem, so that its learning rate is a guess"
    for name in ("rate", "H4"):
        assert only[f"cd-dms, {name}"].measured.endswith(f", in sequences of 5; {guess}")
        assert only[f"cd-dms, {name}"].verdict == HOLDS  # under this budget it fails
    panel = found.results.panels["cd-dms"]
    assert panel.doubts["given"] == ""
    assert f"H4, rate: {guess}" in panel.notes
    assert "gru: its learning rate is the highest of the sweep, so that a better one may lie beyond" in panel.notes
