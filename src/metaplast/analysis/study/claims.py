"""The claims of the paper, of the published fit and of this project, and what a study says of each.

The paper (arXiv 2501.14539) is closed: what it claims is known from its abstracts and from the reviews of its
submission. Each claim names its source; how it is turned into a number here is its rule, and our reading.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from metaplast.analysis.study import failures, findings
from metaplast.analysis.study.evidence import Evidence
from metaplast.analysis.study.panels import INNER_ONLY, RANDOM, STANDARD
from metaplast.analysis.study.verdicts import CANNOT_TELL, Finding, together


class Claim(NamedTuple):
    """What is claimed, by whom, and how it is judged."""

    text: str
    source: str
    rule: str
    ask: Callable[[Evidence], Iterable[Finding]]


class Judged(NamedTuple):
    """A claim with what was found."""

    claim: Claim
    findings: list[Finding]

    @property
    def verdict(self) -> str:
        return together(self.findings) if self.findings else CANNOT_TELL


REVIEWS = "reviews of arXiv 2501.14539"
FEWER = (
    "holds where the interval of the ratio of updates, over the problems that both met, lies below 1, does not where "
    "it lies above, or where both are one network"
)
WHOLE = f"a sequence counts as whole from {failures.PUBLISHED_PROBLEMS:,} problems"

CLAIMS = (
    Claim(
        "The bi-level network fails on no problem in any of the four families.",
        REVIEWS,
        f"one failure refutes it, none in a whole sequence supports it; {WHOLE}",
        failures.no_failures,
    ),
    Claim(
        "It learns with fewer updates than the standard RSNN, in which no intrinsic property learns.",
        REVIEWS,
        FEWER,
        findings.fewer_than(STANDARD),
    ),
    Claim(
        "It learns with fewer updates than with the inner level only, where every intrinsic property learns.",
        REVIEWS,
        FEWER,
        findings.fewer_than(INNER_ONLY),
    ),
    Claim("It learns with fewer updates than under a random mask.", REVIEWS, FEWER, findings.fewer_than(RANDOM)),
    Claim(
        "The updates that the standard RSNN needs increase over the sequence.",
        REVIEWS,
        "updates a problem in the last quarter of the sequence over those in its second quarter; holds where the "
        "interval lies above 1, does not where it lies at or below (the first quarter is left out: there everything "
        "falls)",
        findings.increases,
    ),
    Claim(
        "The point-neuron RNN and attention with 4 heads fail in CD-DMS and in no other family.",
        REVIEWS,
        f"CD-DMS: one failure supports it; elsewhere one refutes it; {WHOLE}",
        failures.only_hardest,
    ),
    Claim(
        "On CD-DMS attention with 4 heads fails more often (64 times) than with 2 heads (2 times).",
        REVIEWS,
        "holds where the interval of the difference, seed by seed over the problems that both were to meet, lies above "
        "0; a network that gave up counts with what it had failed by then, and where the side with fewer failures has "
        "such a network nobody can tell",
        failures.more_heads_fail_more,
    ),
    Claim(
        "Attention with 1 head essentially fails (it is absent for CD-DMS).",
        REVIEWS,
        "holds if the exact interval of the share of failed CD-DMS problems lies above one half",
        failures.essentially_fails,
    ),
    Claim(
        "The advantage over the RNN and attention with 4 heads lies late in the sequence: stopped at task 600 to 800 "
        "they would look as good.",
        REVIEWS,
        "ratios of updates over the first 60 % and over the last 50 problems; holds where the intervals of the late "
        "ratio and of its change lie below 1 and that of the early ratio does not; an early one below 1 refutes it, so "
        "does a late one, or a change, at or above 1; "
        f"judged in whole sequences only, since a shorter one never came to those tasks: {WHOLE}",
        findings.late_advantage,
    ),
    Claim(
        "Modularity goes along with the efficiency of adaptation (a reviewer sees no clear trend).",
        "abstracts of arXiv 2501.14539 and its reviews",
        "rank correlation of modularity (of |W| and of functional correlations) with the updates of the problems that "
        "follow, over the problems of each network and over networks after equally many; the first ignores the common "
        "trend, that both may owe to the passing of problems; holds where in both the interval over seeds excludes 0 "
        "and the corrected permutation test is below 0.05, of one sign, whichever: the sources tell none",
        findings.modularity,
    ),
    Claim(
        "A rate network learns to learn as trials = a exp(-x / T) + c, with the published c, T and a.",
        "results stored with the code of Goudar et al. (2023)",
        f"holds where our mean, at least {findings.FIT_SEEDS} seeds and at least half of all seeds lie inside the "
        "range of the ten published sequences, fitted in the same way, does not where the whole interval of the mean "
        "lies outside",
        findings.fit_as_published,
    ),
)
"""What others claim."""

TARGETS = (
    Claim(
        "The search finds a mask as good as the best of all eight, measured on fresh problems.",
        "target of this project",
        "holds where the interval of the ratio of updates to the best of the other masks reaches 1 or lies below, over "
        "the problems that all of them met",
        findings.as_good_as_the_best,
    ),
    Claim(
        "It does so at less than half the cost of trying them all.",
        "target of this project",
        "what the search spent over what all masks would have cost on the longest pilot sequence, in problems and in "
        "updates; holds if the larger of the two shares lies below one half. A mask that was dropped is taken to stay "
        "as much above or below those that came furthest as it was over the problems that it did run",
        findings.at_half_the_cost,
    ),
)
"""What this project set itself."""


def judge(evidence: Evidence, claims: Sequence[Claim]) -> list[Judged]:
    """Every claim with its findings."""
    return [Judged(claim, list(claim.ask(evidence))) for claim in claims]
