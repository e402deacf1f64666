"""The report of a study: self-contained, the same bytes again, and honest about what is missing."""

import base64
import csv
import html
import re
from pathlib import Path

import numpy as np
import pytest

from metaplast.analysis.study.panels import read_study
from metaplast.analysis.study.report_tables import members
from metaplast.report import check_reportable, write_pages, write_study_report
from metaplast.runs import RunDirectory, write_atomically
from study_helpers import LIMIT, falling, plan, write_member, write_search, write_study, write_sweep

SEEDS, PROBLEMS = 3, 30
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGP4DwABAQEAsTj2FAAAAABJRU5ErkJggg=="
"""One white pixel."""


def made_up(path: Path) -> RunDirectory:
    """Two families, one of them with a baseline; a regime; the published protocol; two members that are not whole."""
    names = {"dms": "dms", "dms-rate": "dms", "cd-dms": "cd-dms", "cd-dms-rate": "cd-dms", "cd-dms-h1": "cd-dms"}
    members = {name: plan(name, panel) for name, panel in names.items()}
    members |= {"dms-noise": plan("dms", "dms, <noise>"), "goudar": plan("association-rate", "association", fit=True)}
    study = write_study(path, members, ["dms", "cd-dms"])
    masks = {f"random-{digits}": falling(1.0) for digits in ("001", "010", "011", "100", "101", "110")}
    spiking = {"standard": falling(1.0, fails=0.05), "inner-only": falling(0.9), "bi-level": falling(0.8)}
    write_member(path, "dms", masks | spiking, SEEDS, PROBLEMS)
    write_member(path, "dms-rate", {"rate": falling(0.7)}, SEEDS, PROBLEMS, model="rate")
    write_member(path, "cd-dms", spiking, SEEDS, PROBLEMS)
    write_member(path, "cd-dms-rate", {"rate": falling(0.7)}, SEEDS, PROBLEMS, finished=False, model="rate")
    write_member(path, "dms-noise", spiking, SEEDS, PROBLEMS)
    write_search(path, "dms", "111", {"000": 5, "111": 10})
    write_sweep(path, "dms-rate", {"rate": {3e-4: 800.0, 1e-3: 500.5}, "gru": {1e-3: 70.0, 3e-3: 65.0}})
    course = lambda seed, problem: (60 + int(140 * np.exp(-problem / 9)), True)  # noqa: E731
    write_member(path, "goudar", {"rate": course}, 2, 40, finished=False, model="rate")
    return study


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    """With its report as a page and as a text beside it: only to be read."""
    directory = made_up(tmp_path_factory.mktemp("study") / "study")
    write_study_report(directory, markdown=directory.path.parent / "ip2.md")
    return directory


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.is_file()}


def test_page_text_and_tables_are_the_same_bytes_again(study, tmp_path):
    page, tables = (study.path / "report.html").read_bytes(), contents(study.path / "study")
    again, text = write_study_report(study, tmp_path / "page.html", tmp_path / "ip2.md")
    assert again.read_bytes() == page
    assert contents(study.path / "study") == tables
    assert text.read_bytes() == (study.path.parent / "ip2.md").read_bytes()
    assert contents(tmp_path / "ip2") == contents(study.path.parent / "ip2")


def test_page_is_self_contained_and_escaped(study):
    page = (study.path / "report.html").read_text()
    assert page.count("data:image/png;base64,") == 5
    assert all(source.startswith("data:") for source in re.findall(r'(?:src|href)="([^"]*)"', page))
    assert "dms, <noise>" not in page
    assert "dms, &lt;noise&gt;" in page
    assert str(study.path.parent) not in page


def test_what_is_missing_is_said(study):
    page = (study.path / "report.html").read_text()
    assert "4 of 7 members have finished" in page
    assert "Not begun: cd-dms-h1." in page
    assert "Begun and not finished: cd-dms-rate (50 %), goudar (50 %)." in page
    assert "cannot tell" in page


def test_captions_say_what_is_frozen_and_what_was_tuned_before(study):
    text = (study.path.parent / "ip2.md").read_text()
    assert "input and recurrent weights frozen, while the readout" in text
    assert "whose cost is not counted" in text


def test_comparisons_say_whose_intervals_they_have(study):
    """Of means bootstrap intervals, of what is compared Student's: over few networks the others are too narrow."""
    for text in ((study.path / "report.html").read_text(), (study.path.parent / "ip2.md").read_text()):
        shown = html.unescape(text)
        assert "Intervals are 95 % Student's t intervals over seeds" in shown
        assert "with 95 % Student's t intervals over seeds, those of ratios from their logarithms; d:" in shown
        assert "which take all problems as independent" in shown


def test_swept_rates_are_shown(study):
    rows = list(csv.DictReader((study.path / "study" / "sweeps.csv").read_text().splitlines()))
    assert [(row["family"], row["model"], row["chosen"]) for row in rows] == [
        ("dms", "gru", "0.003"),
        ("dms", "rate", "0.001"),
    ]
    assert [(row["rate_0.0003"], row["rate_0.001"], row["rate_0.003"]) for row in rows] == [
        ("", "70", "65"),
        ("800", "500.5", ""),
    ]


def test_a_text_has_small_pictures_that_it_shows(study):
    place = study.path.parent
    text = (place / "ip2.md").read_text()
    shown = re.findall(r"!\[[^]]*\]\(([^)]*)\)", text)
    assert {Path(name).name for name in shown} == set(contents(place / "ip2"))
    assert all((place / name).is_file() for name in shown)
    assert all(content.startswith(b"\x89PNG") and len(content) < 60_000 for content in contents(place / "ip2").values())
    tables = [line for line in text.splitlines() if line.startswith("|")]
    assert len(tables) > 40
    assert "{{" not in text


def test_tables_hold_what_the_runs_hold(study):
    with (study.path / "study" / "families.csv").open() as stream:
        rows = {(row["panel"], row["condition"]): row for row in csv.DictReader(stream)}
    table = RunDirectory.open(study.path / "dms").problems()
    totals = [table.lane("bi-level", seed).updates.sum() for seed in range(SEEDS)]
    found = rows["dms", "bi-level"]
    assert float(found["updates_total"]) == pytest.approx(np.mean(totals), rel=1e-5)
    assert float(found["updates_total_low"]) <= np.mean(totals) <= float(found["updates_total_high"])
    failed = ~table.lane("standard", 0).solved
    assert 0 < int(rows["dms", "standard"]["failures"]) >= failed.sum()
    with (study.path / "study" / "goudar.csv").open() as stream:
        fits = list(csv.DictReader(stream))
    assert [row["seed"] for row in fits] == ["0", "1", "", ""]  # no whole sequence, and no mean
    assert fits[0]["problems"] == "20"
    assert float(fits[-1]["floor"]) == 22.7


def test_a_study_that_was_only_tried_says_so_before_its_verdicts(tmp_path):
    study = made_up(tmp_path / "study")
    study.write_config(study.config | {"preset": "smoke"})
    page, text = write_study_report(study, markdown=tmp_path / "ip2.md")
    words = "The preset smoke makes networks, sequences and limits tiny: nothing follows from its verdicts."
    assert words in page.read_text()
    assert 0 < text.read_text().find(words) < text.read_text().find("## Claims")


def test_members_tell_the_commits_of_their_runs(tmp_path):
    commits = {
        "dms": (["0123456789abcdef"], "01234567"),
        "cd-dms": (["0123456789abcdef-dirty"], "01234567-dirty"),
        "gng-dr-2": (["0123456789abcdef", "fedcba9876543210", "0123456789abcdef"], "01234567, fedcba98"),
        "gng-dr-4": ([""], None),
    }
    path = tmp_path / "study"
    study = write_study(path, {name: plan(name, name) for name in (*commits, "gng-dr-8")}, list(commits))
    for name, (first, *others) in ((name, found) for name, (found, _) in commits.items()):
        run = write_member(path, name, {"standard": falling(1.0)}, 1, 4)
        run.write_meta({"commit": first, "resumptions": [{"commit": commit} for commit in others]})
    rows = {row[0]: row for row in members(read_study(study)).rows}
    assert {name: row[-1] for name, row in rows.items()} == {name: told for name, (_, told) in commits.items()} | {
        "gng-dr-8": None
    }
    assert (rows["dms"][3], rows["gng-dr-8"][3]) == (100, 0)


def test_figures_of_analyses_are_shown_too(tmp_path):
    study = write_study(tmp_path / "study", {"dms": plan("dms", "dms")}, ["dms"])
    write_member(study.path, "dms", {"standard": falling(1.0)}, 1, 4)
    png = base64.b64decode(PNG)
    for name in ("lesions", "modularity-bi-level", "modularity-standard", "trial-bi-level"):
        write_atomically(study.path / "dms" / "figures" / f"{name}.png", png)
    page, text = write_study_report(study, markdown=tmp_path / "ip2.md")
    assert page.read_text().count("data:image/png;base64,") == 3
    assert "Inside the networks" in page.read_text()
    assert {"dms-lesions.png", "dms-modularity-bi-level.png"} < set(contents(text.with_suffix("")))


def test_a_family_in_which_every_condition_always_fails_still_has_a_page(tmp_path):
    study = write_study(tmp_path / "study", {"dms": plan("dms", "dms")}, ["dms"])
    masks = [f"random-{digits}" for digits in ("001", "010", "011", "100", "101", "110")]
    hopeless = dict.fromkeys([*masks, "standard", "inner-only", "bi-level"], lambda seed, problem: (LIMIT, False))
    write_member(study.path, "dms", hopeless, SEEDS, 4)
    assert "the same updates under every mask" in write_study_report(study)[0].read_text()


def test_an_empty_study_still_has_a_page(tmp_path):
    study = write_study(tmp_path / "study", {"dms": plan("dms", "dms")}, ["dms"])
    page = write_study_report(study)[0].read_text()
    assert "None of its 1 members has finished yet." in page
    assert page.count("data:image/png") == 0


def test_what_cannot_be_reported_is_refused(study, tmp_path):
    run = RunDirectory.open(study.path / "dms")
    with pytest.raises(ValueError, match="is a study; its report takes no other directory"):
        check_reportable([run, study])
    with pytest.raises(ValueError, match="is neither"):
        check_reportable([run], tmp_path / "a.md")
    with pytest.raises(ValueError, match=r"ends in \.md"):
        check_reportable([study], tmp_path / "a.txt")
    with pytest.raises(ValueError, match="has not finished"):
        check_reportable([RunDirectory.open(study.path / "cd-dms-rate")])
    check_reportable([study], tmp_path / "a.md")
    with pytest.raises(ValueError, match="holds no study"):
        write_study_report(run)
    empty = write_study(tmp_path / "study", {"dms": plan("dms", "dms")}, ["dms"])
    pages = [tmp_path / "page.html", tmp_path / "a.md"]
    assert write_pages([empty], *pages) == pages
