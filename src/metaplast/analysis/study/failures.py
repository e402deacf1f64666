"""What a study says of problems that were not solved; every function returns one finding a family and condition."""

from collections.abc import Callable, Iterable

import numpy as np

from metaplast.analysis.learning_to_learn.curves import ends_in_words
from metaplast.analysis.statistics import student_interval
from metaplast.analysis.study.evidence import Evidence
from metaplast.analysis.study.panels import BI_LEVEL, Panel, Sequences
from metaplast.analysis.study.verdicts import (
    CANNOT_TELL,
    Finding,
    above,
    failure_rate,
    missing,
    none_failed,
    place,
    some_failed,
)
from metaplast.analysis.tables import percent, shown

PUBLISHED_PROBLEMS = 1000
"""Length of the paper's sequences; without a failure in a shorter one nothing is shown."""
HARDEST = "cd-dms"
RATE, H1, H2, H4 = "rate", "H1", "H2", "H4"


def no_failures(evidence: Evidence) -> Iterable[Finding]:
    return (failures(evidence, family, BI_LEVEL, none_failed) for family in evidence.results.families)


def only_hardest(evidence: Evidence) -> Iterable[Finding]:
    for condition in (RATE, H4):
        for family in evidence.results.families:
            rule = some_failed if family == HARDEST else none_failed
            yield failures(evidence, family, condition, rule)


def failures(evidence: Evidence, family: str, condition: str, rule: Callable[[int, bool], str]) -> Finding:
    """Failures of a condition in a family, judged by a rule (failures, whether the sequence is whole)."""
    panel, where = evidence.results.panels.get(family), place(family, condition)
    if panel is None or condition not in panel.conditions:
        return missing(where)
    found = panel.conditions[condition]
    whole = found.problems >= PUBLISHED_PROBLEMS
    words = [_share(found) + ("" if whole else f", {length_in_words(found)}"), *doubts(panel, condition)]
    return Finding(where, "; ".join(words), rule(found.failures, whole))


def essentially_fails(evidence: Evidence) -> Iterable[Finding]:
    panel, where = evidence.results.panels.get(HARDEST), place(HARDEST, H1)
    if panel is None or H1 not in panel.conditions:
        return [missing(where)]
    found = panel.conditions[H1]
    words = [_share(found), *doubts(panel, H1)]
    return [Finding(where, "; ".join(words), above(failure_rate(found.failures, found.attempts), 0.5))]


def _share(found: Sequences) -> str:
    rate, networks = failure_rate(found.failures, found.attempts), len(found.seeds)
    return (
        f"{found.failures:,} of {found.attempts:,} problems of {networks} networks failed "
        f"({percent(rate.low)} to {percent(rate.high)})"
    )


def length_in_words(found: Sequences) -> str:
    """Where networks gave up they attempted more than what all of them did."""
    apart = any(map(len, found.beyond))
    return f"the first {found.problems} of each attempted by all" if apart else f"in sequences of {found.problems}"


def doubts(panel: Panel, *conditions: str) -> list[str]:
    """What is doubtful about the learning rates of some conditions, named if they are several.

    A condition fails, or is behind, under the rate that it has: another might do better.
    """
    found = {name: panel.doubts.get(name) for name in conditions}
    return [f"{name}: {words}" if len(found) > 1 else words for name, words in found.items() if words]


def more_heads_fail_more(evidence: Evidence) -> Iterable[Finding]:
    """Seed by seed, what each network failed of the problems that both kinds were to meet, until it gave up if it did.

    Beyond these the one with the longer plan would have more failures for its length alone.
    """
    panel = evidence.results.panels.get(HARDEST)
    if panel is None or not {H2, H4} <= set(panel.conditions):
        return [missing(HARDEST)]
    seeds = sorted(set(panel.conditions[H2].seeds) & set(panel.conditions[H4].seeds))
    if not seeds:
        return [missing(HARDEST, "no seed in common")]
    wanted = min(panel.planned[name] for name in (H2, H4))
    solved = {name: [panel.conditions[name].outcomes(seed)[:wanted] for seed in seeds] for name in (H2, H4)}
    failed = {name: np.array([(1.0 - row).sum() for row in rows]) for name, rows in solved.items()}
    came = {name: dict(zip(seeds, map(len, rows), strict=True)) for name, rows in solved.items()}
    short = {name: [(seed, count) for seed, count in found.items() if count < wanted] for name, found in came.items()}
    found = student_interval(failed[H4] - failed[H2])
    words = [
        *(f"{name} {failed[name].sum():,.0f} of {sum(counts.values()):,}" for name, counts in came.items()),
        f"{shown(found)} more a seed in the {wanted:,} problems that both were to meet",
        *(f"{name} gave up: {ends_in_words(dict(ends))}" for name, ends in short.items() if ends),
        *doubts(panel, H2, H4),
    ]
    fewer = H2 if found.mean > 0 else H4
    # What the side with fewer failures would have failed later might turn the sign.
    verdict = CANNOT_TELL if short[fewer] else above(found, 0.0)
    return [Finding(HARDEST, "; ".join(words), verdict)]
