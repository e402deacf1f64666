"""Claims on made-up studies of which the truth is known, one truth after the other."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from metaplast.analysis.learning_to_learn.curves import ExponentialFit
from metaplast.analysis.learning_to_learn.goudar import FIT_PROBLEMS, PUBLISHED, SeedFit
from metaplast.analysis.statistics import Interval
from metaplast.analysis.study.claims import CLAIMS, TARGETS, Claim, Judged, judge
from metaplast.analysis.study.evidence import LATE, TOTAL, Evidence, Fitted, gather
from metaplast.analysis.study.findings import fit_as_published
from metaplast.analysis.study.panels import StudyResults, pool, read_study
from metaplast.analysis.study.report_tables import goudar, masks
from metaplast.analysis.study.verdicts import CANNOT_TELL, DOES_NOT_HOLD, HOLDS, only_late
from metaplast.runs import RunDirectory, write_atomically
from study_helpers import LIMIT, Cost, falling, plan, write_member, write_search, write_study

SEEDS, PROBLEMS = 4, 80
DIGITS = ("001", "010", "011", "100", "101", "110")
MASKS = {f"random-{digits}": falling(1.0) for digits in DIGITS}


def study_with(path: Path, families: Mapping[str, Mapping[str, Cost]], problems: int = PROBLEMS) -> Evidence:
    """Evidence of a study in which each family has these conditions; baselines are members of their own."""
    baselines = ("rate", "H1", "H2", "H4")
    members = {}
    for family, conditions in families.items():
        members |= {family: plan(family, family)}
        members |= {f"{family}-{one}": plan(family, family) for one in conditions if one in baselines}
    directory = write_study(path, members, list(families))
    for family, conditions in families.items():
        own = {name: cost for name, cost in conditions.items() if name not in baselines}
        write_member(path, family, own, SEEDS, problems)
        for name in set(conditions) - set(own):
            write_member(path, f"{family}-{name}", {name: conditions[name]}, SEEDS, problems, model=name)
    return gather(read_study(directory))


def verdict(evidence: Evidence, begins: str, claims: tuple[Claim, ...] = CLAIMS) -> str:
    return claim(evidence, begins, claims).verdict


def claim(evidence: Evidence, begins: str, claims: tuple[Claim, ...] = CLAIMS) -> Judged:
    (found,) = (one for one in judge(evidence, claims) if one.claim.text.startswith(begins))
    return found


@pytest.fixture(scope="module")
def evidence(tmp_path_factory: pytest.TempPathFactory) -> Evidence:
    """Bi-level is 0.8 times the standard network everywhere, is inner-only in cd-dms, and never fails."""
    common = {**MASKS, "standard": falling(1.0, drift=6.0), "bi-level": falling(0.8)}
    families = {
        "dms": {**common, "inner-only": falling(0.85), "rate": falling(1.0, fails=0.1), "H4": falling(1.0)},
        "cd-dms": {
            **common,
            "inner-only": falling(0.8),
            "H1": falling(1.0, fails=0.9),
            "H2": falling(1.0, fails=0.02),
            "H4": falling(1.0, fails=0.3),
            "rate": falling(1.0, drift=8.0),
        },
    }
    path = tmp_path_factory.mktemp("claims") / "study"
    found = study_with(path, families)
    write_search(path, "dms", "111", dict.fromkeys(("000", *DIGITS), 5) | {"111": 20})
    write_search(path, "cd-dms", "111", dict.fromkeys(("000", *DIGITS, "111"), 20))
    return gather(read_study(found.results.directory))


def test_fewer_updates_is_judged_family_by_family(evidence):
    assert verdict(evidence, "It learns with fewer updates than the standard") == HOLDS
    assert verdict(evidence, "It learns with fewer updates than under a random") == HOLDS
    inner = claim(evidence, "It learns with fewer updates than with the inner")
    assert [(one.where, one.verdict) for one in inner.findings] == [("dms", HOLDS), ("cd-dms", DOES_NOT_HOLD)]
    assert "the same updates on every seed" in inner.findings[1].measured
    assert inner.verdict == DOES_NOT_HOLD
    standard = claim(evidence, "It learns with fewer updates than the standard").findings
    assert "times the updates over 80 problems, corrected p" in standard[0].measured
    ratio = evidence.compared("dms", "standard", TOTAL).comparison.ratio
    assert ratio.low < ratio.mean < 0.85


def test_short_sequences_without_failures_tell_nothing_and_failures_do(evidence):
    whole = claim(evidence, "The bi-level network fails on no problem")
    assert whole.verdict == CANNOT_TELL
    assert "in sequences of 80" in whole.findings[0].measured
    only = claim(evidence, "The point-neuron RNN")
    found = {one.where: one.verdict for one in only.findings}
    assert found["dms, rate"] == DOES_NOT_HOLD
    assert found["cd-dms, H4"] == HOLDS
    assert found["dms, H4"] == found["cd-dms, rate"] == CANNOT_TELL


def test_attention(evidence):
    assert verdict(evidence, "On CD-DMS attention with 4 heads") == HOLDS
    assert verdict(evidence, "Attention with 1 head essentially fails") == HOLDS


def test_rising_updates_and_late_advantage(evidence):
    rising = claim(evidence, "The updates that the standard RSNN needs increase")
    assert rising.verdict == DOES_NOT_HOLD
    assert rising.findings[0].measured.endswith("a problem, problems 61 to 80 over those of 21 to 40")
    late = {one.where: one for one in claim(evidence, "The advantage over the RNN").findings}
    assert late["cd-dms, rate"][1:] == ("in sequences of 80", CANNOT_TELL)  # it never came to task 600


def test_an_advantage_that_lies_late_is_seen_in_whole_sequences(tmp_path):
    def late_only(seed: int, problem: int) -> tuple[int, bool]:
        return 20 + seed + problem % 3 + (20 + seed if problem > 700 else 0), True

    steady = lambda seed, problem: (20 + seed + problem % 3, True)  # noqa: E731
    families = {
        "dms": {"bi-level": steady, "rate": late_only, "H4": lambda seed, problem: (60 + seed, True)},
    }
    found = claim(study_with(tmp_path / "study", families, problems=1000), "The advantage over the RNN").findings
    assert [(one.where, one.verdict) for one in found] == [("dms, rate", HOLDS), ("dms, H4", DOES_NOT_HOLD)]
    assert "in the first 600 problems" in found[0].measured
    assert "in the last 50 of 1,000: a factor" in found[0].measured


def test_a_problem_whose_loss_was_no_number_counts_the_limit(tmp_path):
    diverged = lambda seed, problem: (3, False) if problem % 2 else (10, True)  # noqa: E731
    evidence = study_with(tmp_path / "study", {"dms": {"bi-level": diverged, "standard": lambda *_: (1000, True)}})
    panel = evidence.results.panels["dms"]
    assert panel.totals(["bi-level"])["bi-level"][0] == 40 * 10 + 40 * LIMIT
    assert panel.conditions["bi-level"].failures == SEEDS * 40


def test_the_search_is_held_against_all_masks(evidence):
    assert verdict(evidence, "The search finds a mask as good", TARGETS) == HOLDS
    cost = claim(evidence, "It does so at less than half", TARGETS)
    assert [(one.where, one.verdict) for one in cost.findings] == [("dms", HOLDS), ("cd-dms", DOES_NOT_HOLD)]
    assert "55 of 160 pilot problems (34.4 %), 550 of an estimated 1,600 updates (34.4 %)" in cost.findings[0].measured


def test_masks_are_compared_over_the_problems_that_all_of_them_met(tmp_path):
    """A mask with a longer sequence is no worse for it, and one that is the chosen one is no rival."""
    conditions = {**MASKS, "standard": falling(0.7), "bi-level": falling(0.8), "inner-only": falling(0.8)}
    path = tmp_path / "study"
    study_with(path, {"dms": conditions})
    for name in MASKS:
        RunDirectory(path / "dms").truncate_problems(lambda row, name=name: row.condition != name or row.problem < 20)
    found = gather(read_study(RunDirectory(path)))
    (finding,) = claim(found, "The search finds a mask as good", TARGETS).findings
    assert finding.verdict == DOES_NOT_HOLD
    assert finding.measured.startswith("over 20 problems ")
    assert finding.measured.endswith("times the updates of standard, the best of the other masks")
    (row,) = masks(found.results).rows
    assert row[4] == 20
    assert max(row[5], row[12]) < min(row[6:12])


def test_what_was_not_measured_cannot_be_told(tmp_path):
    evidence = study_with(tmp_path / "study", {"dms": {"standard": falling(1.0)}})
    judged = judge(evidence, (*CLAIMS, *TARGETS))
    known = [one for one in judged if one.verdict != CANNOT_TELL]
    assert [one.claim.text[:31] for one in known] in ([], ["The updates that the standard R"])
    assert all(found.measured for one in judged for found in one.findings)


def test_whole_sequences_without_a_failure_hold(tmp_path):
    evidence = study_with(tmp_path / "study", {"dms": {"bi-level": lambda seed, problem: (5, True)}}, problems=1000)
    found = claim(evidence, "The bi-level network fails on no problem")
    assert (found.verdict, found.findings[0].measured) == (
        HOLDS,
        "0 of 4,000 problems of 4 networks failed (0 % to 0.0922 %)",
    )


def test_comparisons_are_corrected_together_and_leave_single_masks_out(evidence):
    references = {one.reference for one in evidence.comparisons}
    assert references == {"inner-only", "standard", "random mask", "rate", "H1", "H2", "H4"}
    assert {one.measure for one in evidence.comparisons} == {TOTAL, LATE}
    assert all(one.comparison.p_corrected >= one.comparison.p_value for one in evidence.comparisons)


def test_pooled_conditions_are_means_seed_by_seed(evidence):
    panel = evidence.results.panels["dms"]
    parts = [panel.conditions[name] for name in MASKS]
    pooled = panel.conditions["random mask"]
    assert pooled.updates == pytest.approx(sum(part.updates for part in parts) / 6)
    assert pooled.attempts == 6 * parts[0].attempts
    shorter = parts[0]._replace(seeds=[1, 2], updates=parts[0].updates[1:3, :5], solved=parts[0].solved[1:3, :5])
    both = pool([shorter, parts[1]])
    assert both.seeds == [1, 2]
    assert both.updates == pytest.approx((parts[0].updates[1:3, :5] + parts[1].updates[1:3, :5]) / 2)


def test_modularity_is_read_from_the_analysis_of_a_run(tmp_path):
    evidence = study_with(tmp_path / "study", {"dms": {"bi-level": falling(1.0)}, "cd-dms": {"bi-level": falling(1.0)}})
    begins = "Modularity goes along"
    assert verdict(evidence, begins) == CANNOT_TELL
    header = "condition,network,measure,within,groups,members,effect,low,high,p_value,p_corrected\n"
    other = "standard,structural,modularity,seed,4,9,0.9,0.8,0.95,0.001,0.002\n"
    surely, perhaps = "-0.5,-0.8,-0.3,0.001,0.004", "-0.5,-0.8,0.1,0.001,0.004"
    rows = {"dms": (surely, surely), "cd-dms": (surely, perhaps)}
    for family, (seed, moment) in rows.items():
        name = "bi-level,structural,modularity"
        text = f"{header}{other}{name},seed,4,9,{seed}\n{name},moment,9,4,{moment}\n"
        text += f"bi-level,functional,modularity,seed,4,9,{surely}\n"
        text += f"bi-level,functional,modularity,moment,9,4,{surely.replace('-', '')}\n"
        write_atomically(tmp_path / "study" / family / "analysis" / "efficiency.csv", text.encode())
    found = claim(evidence, begins).findings
    assert [(one.where, one.verdict) for one in found] == [
        ("dms, structural", HOLDS),
        ("dms, functional", CANNOT_TELL),  # of opposite signs
        ("cd-dms, structural", CANNOT_TELL),  # the networks differ too much to tell
        ("cd-dms, functional", CANNOT_TELL),
    ]
    assert found[0].measured == (
        "rank correlation over problems (trend not taken out) -0.50 (-0.80 to -0.30), corrected p 0.004; "
        "over seeds -0.50 (-0.80 to -0.30), corrected p 0.004"
    )


def test_only_whole_sequences_have_a_mean_beside_the_published_ones(tmp_path):
    """One that is not finished, a short one, one that did not converge, and two that belong there."""
    fit = lambda amplitude, converged=True: ExponentialFit(amplitude, 40.0, 20.0, converged)  # noqa: E731
    seeds = [
        Fitted("goudar", finished, SeedFit("rate", 0, problems, 1, one))
        for finished, problems, one in (
            (False, FIT_PROBLEMS, fit(900.0)),
            (True, FIT_PROBLEMS - 1, fit(900.0)),
            (True, FIT_PROBLEMS, fit(900.0, converged=False)),
            (True, FIT_PROBLEMS, fit(100.0)),
            (True, FIT_PROBLEMS, fit(140.0)),
        )
    ]
    results = StudyResults(RunDirectory(tmp_path), {}, [], {})
    table = goudar(Evidence(results, [], seeds))
    (mean,) = (row for row in table.rows if str(row[0]).startswith("mean of"))
    assert mean[:4] == ["mean of 2 whole sequences", None, FIT_PROBLEMS, 2]
    assert mean[6].mean == 120
    assert not [row for row in goudar(Evidence(results, [], seeds[:3])).rows if str(row[0]).startswith("mean of")]


@pytest.mark.parametrize(
    ("inside", "outside", "verdict"),
    [
        (4, 0, CANNOT_TELL),  # too few sequences
        (5, 0, HOLDS),
        (4, 1, CANNOT_TELL),
        (5, 5, HOLDS),
        (5, 6, CANNOT_TELL),  # five of eleven, their mean inside
        (6, 6, HOLDS),
    ],
)
def test_the_published_fit_wants_five_seeds_inside_and_half_of_all(tmp_path, inside, outside, verdict):
    """Those outside lie on either side in turns, which keeps the mean inside."""
    ranges = [PUBLISHED[name] for name in ("amplitude", "scale", "floor")]
    values = [[one.mean for one in ranges]] * inside
    values += [[(one.high + 1, one.low - 1)[turn % 2] for one in ranges] for turn in range(outside)]
    fits = [ExponentialFit(*numbers, True) for numbers in values]
    seeds = [Fitted("goudar", True, SeedFit("rate", seed, FIT_PROBLEMS, 0, fit)) for seed, fit in enumerate(fits)]
    found = list(fit_as_published(Evidence(StudyResults(RunDirectory(tmp_path), {}, [], {}), [], seeds)))
    assert [(one.where, one.verdict) for one in found] == [(letter, verdict) for letter in ("c", "T", "a")]


def test_an_advantage_lies_late_only_if_it_is_there_late_and_not_early():
    even, behind, ahead, unclear = (
        Interval(*one) for one in ((1, 0.9, 1.1), (1.5, 1.3, 1.7), (0.5, 0.4, 0.6), (0.9, 0.7, 1.2))
    )
    assert only_late(even, ahead, ahead) == HOLDS
    assert only_late(ahead, ahead, ahead) == DOES_NOT_HOLD  # it was there early
    assert only_late(behind, behind, ahead) == DOES_NOT_HOLD  # it shrank a disadvantage
    assert only_late(even, unclear, unclear) == CANNOT_TELL
