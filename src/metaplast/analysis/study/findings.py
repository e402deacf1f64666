"""What a study measured for each claim; every function returns one finding a family, condition or number."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from statistics import fmean

import numpy as np

from metaplast.analysis.learning_to_learn.goudar import PUBLISHED, STORED
from metaplast.analysis.search.mask_cost import search_cost
from metaplast.analysis.statistics import Interval, compare_totals, student_interval
from metaplast.analysis.study.evidence import TOTAL, Evidence, growth_of_ratio, ratio_in_part, ratio_of_parts
from metaplast.analysis.study.failures import H4, PUBLISHED_PROBLEMS, RATE, doubts, length_in_words
from metaplast.analysis.study.panels import BI_LEVEL, INNER_ONLY, MASK, STANDARD, Panel
from metaplast.analysis.study.verdicts import (
    CANNOT_TELL,
    HOLDS,
    Finding,
    above,
    below,
    missing,
    not_zero,
    only_late,
    place,
    reaches,
    within,
)
from metaplast.analysis.tables import percent, read_csv, shown

MASKS = 8
FIT_SEEDS = 5
"""Seeds that must lie in a published range, as must half of all: of many seeds five would soon be there by chance."""
EARLY = 0.6
"""Part of a sequence after which, the reviewers found, the baselines would still have looked as good."""


def fewer_than(reference: str) -> Callable[[Evidence], Iterable[Finding]]:
    """Bi-level needs fewer updates than `reference` over the problems that both met, in every family."""

    def ask(evidence: Evidence) -> Iterable[Finding]:
        for family in evidence.results.families:
            one = evidence.compared(family, reference, TOTAL)
            if one is None:
                yield missing(family)
                continue
            found = one.comparison
            words = f"{shown(found.ratio)} times the updates over {one.problems:,} problems"
            words += f", corrected p {shown(found.p_corrected)}"
            if found.difference == (0.0, 0.0, 0.0):
                words = "the same updates on every seed: the chosen mask is that of the other"
            yield Finding(family, words, below(found.ratio, 1.0))

    return ask


def increases(evidence: Evidence) -> Iterable[Finding]:
    for family, panel in _panels(evidence):
        if panel is None or STANDARD not in panel.conditions:
            yield missing(family)
            continue
        length = panel.conditions[STANDARD].problems
        quarter = length // 4
        if quarter < 1:
            yield missing(family, "the sequence is too short")
            continue
        later, earlier = slice(length - quarter, length), slice(quarter, 2 * quarter)
        found = ratio_of_parts(panel, STANDARD, later, earlier)
        parts = f"{length - quarter + 1:,} to {length:,} over those of {quarter + 1:,} to {2 * quarter:,}"
        yield Finding(family, f"{shown(found)} times the updates a problem, problems {parts}", above(found, 1.0))


def late_advantage(evidence: Evidence) -> Iterable[Finding]:
    for family, panel in _panels(evidence):
        for reference in (RATE, H4):
            where = place(family, reference)
            if panel is None or not {BI_LEVEL, reference} <= set(panel.conditions):
                yield missing(where)
                continue
            length, last = panel.common(BI_LEVEL, reference), panel.late(BI_LEVEL, reference)
            if length < PUBLISHED_PROBLEMS:
                shorter = min((panel.conditions[name] for name in (BI_LEVEL, reference)), key=lambda one: one.problems)
                yield missing(where, length_in_words(shorter))
                continue
            first, final = slice(0, round(EARLY * length)), slice(length - last, length)
            early = ratio_in_part(panel, BI_LEVEL, reference, first)
            late = ratio_in_part(panel, BI_LEVEL, reference, final)
            change = growth_of_ratio(panel, BI_LEVEL, reference, final, first)
            words = (
                f"bi-level / {reference} {shown(early)} in the first {first.stop:,} problems, {shown(late)} in the last"
            )
            words += f" {last} of {length:,}: a factor {shown(change)}"
            said = "; ".join([words, *doubts(panel, reference)])
            yield Finding(where, said, only_late(early, late, change))


def modularity(evidence: Evidence) -> Iterable[Finding]:
    """From the table of correlations that an analysis has left in the run of each family, of bi-level's networks.

    Over problems everything that has a trend goes along with everything else that has one; over seeds it does not.
    """
    for family in evidence.results.families:
        member = next((one for one in evidence.results.members if one.name == family and one.run), None)
        rows = read_csv(member.run.path / "analysis" / "efficiency.csv") if member and member.run else []
        wanted = {"condition": BI_LEVEL, "measure": "modularity"}
        found = [row for row in rows if wanted.items() <= row.items()]
        networks = list(dict.fromkeys(row["network"] for row in found))
        if not networks:
            yield missing(family)
        for network in networks:
            tests = {row["within"]: row for row in found if row["network"] == network}
            yield _both_ways(place(family, network), tests)


def _both_ways(where: str, tests: Mapping[str, Mapping[str, str]]) -> Finding:
    """Whether the correlations over problems and over seeds agree that there is one, and of which sign."""
    words, verdicts, signs = [], set(), set()
    for kind, name in (("seed", "over problems (trend not taken out)"), ("moment", "over seeds")):
        row = tests.get(kind, {})
        effect = Interval(*(_real(row.get(key)) for key in ("effect", "low", "high")))
        p_value = _real(row.get("p_corrected"))
        words.append(f"{name} {shown(effect)}, corrected p {shown(p_value)}" if row else f"{name} not measured")
        verdicts.add(not_zero(effect, p_value))
        signs.add(bool(effect.mean > 0))
    agree = verdicts == {HOLDS} and len(signs) == 1
    return Finding(where, f"rank correlation {'; '.join(words)}", HOLDS if agree else CANNOT_TELL)


def fit_as_published(evidence: Evidence) -> Iterable[Finding]:
    whole = [one.fit.fit for one in evidence.whole_fits]
    for name, letter in (("floor", "c"), ("scale", "T"), ("amplitude", "a")):
        published = PUBLISHED[name]
        if len(whole) < FIT_SEEDS:
            yield missing(letter, f"{len(whole)} whole sequences, {FIT_SEEDS} are wanted")
            continue
        values = np.array([getattr(fit, name) for fit in whole])
        found, inside = student_interval(values), sum(published.holds(float(value)) for value in values)
        stored = sum(STORED[name].holds(float(value)) for value in values)
        words = (
            f"{shown(found)}, {inside} of {len(values)} seeds inside {published.low:g} to {published.high:g} of the "
            f"published sequences ({stored} inside {STORED[name].low:g} to {STORED[name].high:g} of the stored fits)"
        )
        enough = inside >= FIT_SEEDS and 2 * inside >= len(values)
        yield Finding(letter, words, within(found, published.low, published.high, enough=enough))


def as_good_as_the_best(evidence: Evidence) -> Iterable[Finding]:
    for family, panel in _panels(evidence):
        conditions = panel.conditions if panel else {}
        masks = [name for name in conditions if name.startswith(MASK) or name in (STANDARD, INNER_ONLY)]
        if panel is None or BI_LEVEL not in conditions or len(masks) < MASKS:
            yield missing(family)
            continue
        totals = panel.totals([BI_LEVEL, *masks])  # over the problems that all of them met
        rivals = [name for name in masks if totals[name] != totals[BI_LEVEL]]  # one of the eight is the chosen mask
        if not rivals:  # as where every mask fails on every problem
            yield missing(family, "the same updates under every mask")
            continue
        best = min(rivals, key=lambda name, of=totals: fmean(of[name].values()))
        found = compare_totals(totals, BI_LEVEL, best).ratio
        words = f"over {panel.common(*totals):,} problems {shown(found)} times the updates of {best}"
        yield Finding(family, f"{words}, the best of the other masks", reaches(found, 1.0))


def at_half_the_cost(evidence: Evidence) -> Iterable[Finding]:
    for family in evidence.results.families:
        member = next((one for one in evidence.results.members if one.name == family), None)
        if member is None or member.search is None:
            yield missing(family)
            continue
        cost = search_cost(member.search)
        if cost is None:
            yield missing(family, "the search measured nothing")
            continue
        of_problems, of_updates = cost.shares
        words = (
            f"{cost.problems:,} of {cost.all_problems:,} pilot problems ({percent(of_problems)}), "
            f"{cost.updates:,} of an estimated {cost.all_updates:,.0f} updates ({percent(of_updates)})"
        )
        larger = max(cost.shares)  # whichever is dearer: early problems need more updates than late ones
        yield Finding(family, words, below(Interval(larger, larger, larger), 0.5))


def _real(text: str | None) -> float:
    return float(text) if text else np.nan


def _panels(evidence: Evidence) -> Iterator[tuple[str, Panel | None]]:
    return ((family, evidence.results.panels.get(family)) for family in evidence.results.families)
