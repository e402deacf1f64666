"""The pictures of a study's report, each with the words that explain how to read it."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from markupsafe import Markup

from metaplast.analysis.study.panels import BI_LEVEL, StudyResults
from metaplast.figures.study import (
    FAMILIES_ABLATIONS,
    FAMILIES_BASELINES,
    FAMILIES_RATIOS,
    FIT,
    REGIMES_RATIOS,
)
from metaplast.report.run import CAPTIONS as OF_RUNS
from metaplast.report.run import TITLES as TITLES_OF_RUNS

ON_THE_PAGE_OF_A_RUN = ("learning", "trial", "intrinsic")
"""Kinds of figures that the page of each run shows; that of the study does not repeat them."""

TITLES = {
    FAMILIES_ABLATIONS: "Adaptation with ablations",
    FAMILIES_BASELINES: "Comparison with baselines",
    FAMILIES_RATIOS: "Bi-level against each other condition",
    REGIMES_RATIOS: "Bi-level against each other condition, other regimes",
    FIT: "The published fit",
}
CURVES = (
    "Updates that each next problem of the sequence needed, mean over seeds and the problems around each, from a "
    "quarter of the way back to the start to as far ahead, at most 30, the band one standard error; both axes are "
    "logarithmic. A tick above the axes is a problem that a seed did not solve; it counts with the limit. "
)
RATIOS = (
    "Left of the line bi-level needs fewer updates. Filled: over all problems that both met; open: over the last of "
    "these, the final efficiency. A verdict goes by the interval: one that crosses the line cannot tell. The p of the "
    "tables, of a permutation of signs, which takes no differences to be normal, is told beside it and may differ. "
)
CAPTIONS = {
    FAMILIES_ABLATIONS: CURVES
    + "Bi-level: the mask that the search chose; inner-only: every intrinsic property learns (hidden under bi-level "
    "where both masks are one); standard: none; random mask: the mean over the masks that free some and not all. "
    "Others, of the same network: tuned-fixed with intrinsic properties that it tuned before, on these very problems "
    "and on more that follow them, whose cost is not counted, and that are then fixed; ALIF with adaptive thresholds; "
    "frozen-weights with its input and recurrent weights frozen, while the readout and the intrinsic properties learn.",
    FAMILIES_BASELINES: CURVES
    + "The baselines meet the same problems and trials: a leaky rate network, a gated one, and "
    "causal self-attention with 1, 2 and 4 heads.",
    FAMILIES_RATIOS: RATIOS,
    REGIMES_RATIOS: RATIOS + "The mask is the one that was chosen for the family in its standard form.",
    FIT: "Left: trials to criterion over the sequence, a colour a network, with its fit dashed. Right: the numbers of "
    "each network's fit on the range of the ten published networks (grey) and their mean (line).",
}


class Picture(NamedTuple):
    """A picture with its words."""

    name: str
    """Of its file, without the ending."""
    title: str
    caption: str
    png: bytes


def pictures(drawn: Mapping[str, bytes], names: Sequence[str]) -> list[Picture]:
    """Those of `names` that were drawn."""
    return [Picture(name, TITLES[name], CAPTIONS[name], drawn[name]) for name in names if name in drawn]


def of_analyses(results: StudyResults) -> list[Picture]:
    """Figures that analyses have left in the runs of the families: of bi-level, or of all conditions together."""
    found = []
    for member in results.members:
        if member.name not in results.families or not member.run or not member.run.figures.is_dir():
            continue
        for path in sorted(member.run.figures.glob("*.png")):
            kind, _, rest = path.stem.partition("-")
            if kind in ON_THE_PAGE_OF_A_RUN or rest not in ("", BI_LEVEL):
                continue
            words = Markup(OF_RUNS.get(kind, "")).striptags()
            title = f"{TITLES_OF_RUNS.get(kind, kind)}: {member.name}"
            found.append(Picture(f"{member.name}-{path.stem}", title, words, path.read_bytes()))
    return found
