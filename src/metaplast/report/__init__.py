"""Reports: one page that shows what a run or a study did, self-contained, opens offline, to be sent as it is."""

from collections.abc import Sequence
from pathlib import Path

from metaplast.figures.classification import draw_classification
from metaplast.figures.run import draw_all
from metaplast.figures.style import PDF
from metaplast.report.classification import is_classification, write_classification_report
from metaplast.report.classification_text import write_classification_text
from metaplast.report.page import PAGE
from metaplast.report.run import named, number, write_report
from metaplast.report.study import is_study, write_study_report
from metaplast.run_names import command_to_resume
from metaplast.runs import RunDirectory

__all__ = [
    "PAGE",
    "check_reportable",
    "named",
    "number",
    "write_classification_report",
    "write_pages",
    "write_report",
    "write_study_report",
    "write_vectors",
]


OTHERS = {
    "allocation-search": "a search; see its figures/search.png, allocation.toml and summary.json",
    "channel-search": "a search; see its figures/search.png, allocation.toml and summary.json",
    "rate-sweep": "a sweep; see its figures/sweep.png, sweep.toml and summary.json",
}
"""Kinds of directories that have no report, and what they have instead."""


def check_reportable(places: Sequence[RunDirectory], markdown: Path | None = None, vectors: bool = False) -> None:
    """Refuse what no report can be written of.

    Raises:
        ValueError: a run that has not finished, a search or sweep, a study among other directories, or a text of
            something else.
    """
    for place in places:
        if words := OTHERS.get(place.config.get("experiment", "")):
            raise ValueError(f"{place.path} is {words}. Reports are of runs and studies")
    studies = [place for place in places if is_study(place)]
    if studies and len(places) > 1:
        raise ValueError(f"{studies[0].path} is a study; its report takes no other directory")
    if vectors and studies:
        raise ValueError(f"--pdf draws the figures of runs; give the directories of the members of {studies[0].path}")
    others = [place for place in places if is_classification(place)]
    if markdown is not None and not studies and len(others) < len(places):
        raise ValueError(f"--markdown writes of a study or of classification runs, and {places[0].path} is neither")
    if markdown is not None and markdown.suffix != ".md":
        raise ValueError(f"--markdown {markdown}: give a name that ends in .md")
    if others and len(places) > 1 and markdown is None:
        raise ValueError(f"{others[0].path} is a classification run; its report takes no other directory")
    for place in places:
        if not studies and not place.summary:
            raise ValueError(f"{place.path} has not finished; go on with: {command_to_resume(place.path)}")


def write_vectors(places: Sequence[RunDirectory]) -> list[Path]:
    """Every figure of the runs as PDF too, beside its PNG."""
    draw = [draw_classification if is_classification(place) else draw_all for place in places]
    return [path for place, drawn in zip(places, draw, strict=True) for path in drawn(place, PDF)]


def write_pages(places: Sequence[RunDirectory], out: Path | None = None, markdown: Path | None = None) -> list[Path]:
    """Write the page of runs, or that of a study, and the text of a study if one is asked for."""
    if is_classification(places[0]):
        pages = [write_classification_report(place, out if len(places) == 1 else None) for place in places]
        return [*pages, write_classification_text(places, markdown)] if markdown else pages
    return write_study_report(places[0], out, markdown) if is_study(places[0]) else [write_report(places, out)]
