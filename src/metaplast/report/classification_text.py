"""The text of classification runs: the same tables as their pages, with small pictures, to be checked in."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import tomli_w

from metaplast.analysis.classification.epochs import read_epochs
from metaplast.analysis.classification.tested import as_tested
from metaplast.analysis.tables import Table
from metaplast.figures.classification import draw_classification
from metaplast.figures.style import small_png
from metaplast.report.classification import CAPTIONS, TITLES, sentence, tables_of
from metaplast.report.data import data_of
from metaplast.report.page import environment, flat
from metaplast.report.robustness import without_merged
from metaplast.runs import RunDirectory, write_atomically

SHOWN = "accuracy", "sequence", "gains", "robustness", "robustness-merged"
"""Figures of the text; those of single conditions are on the page of the run."""


class Picture(NamedTuple):
    name: str
    heading: str
    caption: str


class Section(NamedTuple):
    """What the text says of one run."""

    name: str
    title: str
    sentence: str
    provenance_of_data: str
    tables: list[Table]
    pictures: list[Picture]
    assumed: list[str]
    config: str
    provenance: list[tuple[str, str]]


def write_classification_text(runs: Sequence[RunDirectory], path: Path) -> Path:
    """Write what the runs came to as a text, with small pictures in a folder beside it that has its name."""
    folder = path.with_suffix("")
    sections = [_section(run, folder) for run in runs]
    template = environment(escape=False).get_template("classification.md")
    return write_atomically(path, template.render(sections=sections, folder=folder.name).encode())


def without_place(config: dict[str, Any]) -> dict[str, Any]:
    """A configuration to be shown elsewhere, without the folder of one machine where the data lay."""
    return config | {"data": {key: value for key, value in config["data"].items() if key != "root"}}


def _section(run: RunDirectory, folder: Path) -> Section:
    config = run.config
    drawn = [figure for figure in draw_classification(run) if figure.stem in SHOWN]
    for figure in drawn:
        write_atomically(folder / f"{run.name}-{figure.name}", small_png(figure.read_bytes()))
    return Section(
        name=run.name,
        title=config["title"],
        sentence=sentence(run, read_epochs(run)),
        provenance_of_data=data_of(run).provenance,
        tables=tables_of(run),
        pictures=[Picture(each.stem, TITLES[each.stem], str(as_tested(CAPTIONS[each.stem], config))) for each in drawn],
        assumed=[str(item) for item in config.get("assumed", [])],
        config=tomli_w.dumps(without_merged(without_place(config))),
        provenance=list(flat(run.meta)),
    )
