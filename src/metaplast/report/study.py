"""The report of a study: a page, a text with small pictures to be checked in, and its tables as files of numbers."""

from pathlib import Path
from typing import Any, NamedTuple

import tomli_w

from metaplast.analysis.study import report_tables as tables
from metaplast.analysis.study.claims import CLAIMS, TARGETS, Judged, judge
from metaplast.analysis.study.evidence import Evidence, gather
from metaplast.analysis.study.final_efficiency import late_by_family
from metaplast.analysis.study.panels import Member, StudyResults, read_study
from metaplast.analysis.study.verdicts import CANNOT_TELL, DOES_NOT_HOLD, HOLDS
from metaplast.analysis.tables import Table, number
from metaplast.figures.study import (
    FAMILIES_ABLATIONS,
    FAMILIES_BASELINES,
    FAMILIES_RATIOS,
    FIT,
    REGIMES_RATIOS,
    draw_study,
)
from metaplast.figures.style import small_png
from metaplast.report.page import PAGE, data_uri, environment, flat
from metaplast.report.study_pictures import Picture, of_analyses, pictures
from metaplast.runs import RunDirectory, write_atomically

INTERVALS = (
    "Intervals are 95 % Student's t intervals over seeds, those of ratios from their logarithms. Shares of failed "
    "problems have exact binomial ones, which take all problems as independent: those of one network are not, and four "
    "networks that never learn are little more than four observations. Those of rank correlations are bootstrap "
    "intervals, too narrow over few networks: a permutation test must agree with them."
)
"""What the intervals are that the claims are judged by."""
SMOKE = "smoke"
"""The preset with which everything is tried in seconds or minutes."""


class Part(NamedTuple):
    """A heading with its pictures and tables."""

    heading: str
    text: str
    pictures: list[Picture]
    tables: list[Table]


class Page(NamedTuple):
    """All that the page and the text say."""

    name: str
    title: str
    sentence: str
    intervals: str
    """What the intervals of the claims are."""
    counts: dict[str, int]
    """How many of the claims hold, do not hold, or cannot be judged."""
    claims: list[Judged]
    targets: list[Judged]
    absent: list[str]
    """What is missing, in words."""
    notes: list[str]
    parts: list[Part]
    assumed: list[str]
    config: str
    provenance: list[tuple[str, str]]


def is_study(directory: RunDirectory) -> bool:
    """Whether a directory is that of a study."""
    return directory.config.get("experiment") == "study"


def write_study_report(directory: RunDirectory, path: Path | None = None, markdown: Path | None = None) -> list[Path]:
    """Write the page of a study, to report.html in its directory or to `path`, and its tables to study/*.csv.

    With `markdown` the same is written as a text too, with small pictures in a folder beside it that has its name.

    Raises:
        ValueError: the directory is not that of a study.
    """
    page = page_of(directory)
    rendered = environment().get_template("study.html").render(page=page, uri=data_uri)
    written = [write_atomically(path or directory.path / PAGE, rendered.encode())]
    return [*written, _write_markdown(page, markdown)] if markdown else written


def _write_markdown(page: Page, path: Path) -> Path:
    folder = path.with_suffix("")
    for part in page.parts:
        for picture in part.pictures:
            write_atomically(folder / f"{picture.name}.png", small_png(picture.png))
    rendered = environment(escape=False).get_template("study.md").render(page=page, folder=folder.name)
    return write_atomically(path, rendered.encode())


def page_of(directory: RunDirectory) -> Page:
    """Everything that a study has to say; its tables are written on the way."""
    results = read_study(directory)
    evidence = gather(results)
    claims, targets = judge(evidence, CLAIMS), judge(evidence, TARGETS)
    parts = parts_of(evidence)
    everything = [tables.claims(claims, "claims"), tables.claims(targets, "targets")]
    for table in [*everything, *(table for part in parts for table in part.tables)]:
        write_atomically(directory.path / "study" / f"{table.name}.csv", table.csv())
    return Page(
        name=directory.name,
        title=str(results.config.get("title")),
        sentence=sentence(results),
        intervals=INTERVALS,
        counts={
            verdict: sum(one.verdict == verdict for one in claims) for verdict in (HOLDS, DOES_NOT_HOLD, CANNOT_TELL)
        },
        claims=claims,
        targets=targets,
        absent=[*only_a_try(results), *absent(results)],
        notes=[f"{name}: {note}" for name, panel in results.panels.items() for note in panel.notes],
        parts=parts,
        assumed=assumptions(results),
        config=tomli_w.dumps(results.config),
        provenance=list(flat(directory.meta)),
    )


def parts_of(evidence: Evidence) -> list[Part]:
    """The parts for which there is something to show, and at the end what there is."""
    results, drawn = evidence.results, draw_study(evidence)
    families = [name for name in results.families if name in results.panels]
    others = [name for name in results.panels if name not in families]
    parts = [
        Part(
            "The families",
            "All conditions of a family meet the same problems and trials, seed by seed.",
            pictures(drawn, [FAMILIES_ABLATIONS, FAMILIES_BASELINES, FAMILIES_RATIOS]),
            [
                tables.failures_by_family(results),
                late_by_family(results),
                tables.conditions(results, families, "families"),
                tables.comparisons(evidence, families, "comparisons"),
            ],
        ),
        Part("Which intrinsic properties should learn", "", [], [tables.masks(results)]),
        Part("With which learning rates the baselines learn", "", [], [tables.sweeps(results)]),
        Part(
            "Other regimes",
            "The same families made harder, or other tasks; one seed is one network throughout.",
            pictures(drawn, [REGIMES_RATIOS]),
            [tables.conditions(results, others, "regimes"), tables.comparisons(evidence, others, "regime-comparisons")],
        ),
        Part(
            "The published fit",
            "The rate network under the published protocol (Goudar et al., 2023), beside the published numbers.",
            pictures(drawn, [FIT]),
            [tables.goudar(evidence)],
        ),
        Part("Inside the networks", "", of_analyses(results), []),
    ]
    shown = [part._replace(tables=[table for table in part.tables if table.rows]) for part in parts]
    shown = [part for part in shown if part.tables or part.pictures]
    return [*shown, Part("What there is", "", [], [tables.members(results)])]


def sentence(results: StudyResults) -> str:
    """How much of the study there is, in one sentence."""
    finished = [member for member in results.members if member.finished and member.run]
    seconds = [_seconds(member) for member in finished]
    problems = sum(len(member.run.problems()) for member in finished if member.run)
    if not finished:
        return f"None of its {len(results.members)} members has finished yet."
    total = sum(seconds)
    spent = f"{number(total / 3600)} hours" if total >= 360 else f"{number(total / 60)} minutes"
    return (
        f"{len(finished)} of {len(results.members)} members have finished: {problems:,} problems attempted in {spent} "
        "of learning."
    )


def _seconds(member: Member) -> float:
    return float(member.run.summary.get("seconds") or 0.0) if member.run else 0.0


def only_a_try(results: StudyResults) -> list[str]:
    """What has to be said of a study that is only there to be tried, before any verdict."""
    smoke = results.config.get("preset") == SMOKE
    return [f"The preset {SMOKE} makes networks, sequences and limits tiny: nothing follows from its verdicts."] * smoke


def absent(results: StudyResults) -> list[str]:
    """What is not there, in words; empty if the study is whole."""
    missing = [member.name for member in results.members if member.state == "missing"]
    begun = [f"{member.name} ({100 * member.share:.0f} %)" for member in results.members if member.state == "begun"]
    found = [f"Not begun: {', '.join(missing)}."] if missing else []
    return found + ([f"Begun and not finished: {', '.join(begun)}."] if begun else [])


def assumptions(results: StudyResults) -> list[str]:
    """What was assumed for the study and for its finished members, each said once."""
    found: list[Any] = list(results.config.get("assumed", []))
    for member in results.members:
        if member.finished and member.run:
            found += member.run.config.get("assumed", [])
    return [str(item) for item in dict.fromkeys(found)]
