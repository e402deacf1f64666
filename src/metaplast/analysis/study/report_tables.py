"""The tables of a study, from what its runs measured."""

from collections.abc import Mapping, Sequence
from statistics import fmean

import numpy as np

from metaplast.analysis.learning_to_learn.goudar import FIT_PROBLEMS, PUBLISHED, STORED, Published
from metaplast.analysis.search.mask_margin import margin_in_words
from metaplast.analysis.statistics import Interval, interval, student_interval
from metaplast.analysis.study.claims import Judged
from metaplast.analysis.study.evidence import Evidence, Fitted
from metaplast.analysis.study.final_efficiency import late_problems, late_updates
from metaplast.analysis.study.panels import INNER_ONLY, MASK, STANDARD, Member, Panel, Sequences, StudyResults
from metaplast.analysis.sweep.rate_scores import remark
from metaplast.analysis.tables import Cell, Column, Table

LETTERS = {"floor": "c", "scale": "T", "amplitude": "a"}


def members(results: StudyResults) -> Table:
    """What there is of the study."""
    columns = (
        Column("member", "member", words=True),
        Column("panel", "panel", words=True),
        Column("state", "state", words=True),
        Column("done_percent", "done, %"),
        Column("conditions", "conditions"),
        Column("seeds", "seeds"),
        Column("problems", "problems"),
        Column("hours", "hours"),
        Column("commit", "commit", words=True),
    )
    rows: list[list[Cell]] = []
    for member in results.members:
        config = member.run.config if member.run else {}
        settings = config.get("run", {})
        seconds = member.run.summary.get("seconds") if member.run else None
        hours = None if seconds is None else seconds / 3600
        counts = [len(config["conditions"]) if config else None, settings.get("seeds"), settings.get("problems")]
        rows.append([member.name, member.panel, member.state, 100 * member.share, *counts, hours, _commits(member)])
    note = (
        "Done: of the problems that its networks were to meet, solved or not. Hours of learning, compilation apart. "
        "Commit: of the code that learned, several where a run was resumed on another."
    )
    return Table("members", "Members of the study", columns, rows, note)


def _commits(member: Member) -> str | None:
    """The first digits of each commit that the run was learned on, and whether files were changed."""
    meta = member.run.meta if member.run else {}
    found = [str(part.get("commit", "")) for part in (meta, *meta.get("resumptions", []))]
    return ", ".join(dict.fromkeys(commit[:8] + "-dirty" * commit.endswith("-dirty") for commit in found)) or None


def conditions(results: StudyResults, panels: Sequence[str], name: str) -> Table:
    """Failures and updates of every condition but the single other masks, with intervals over seeds."""
    columns = (
        Column("panel", "panel", words=True),
        Column("condition", "condition", words=True),
        Column("seeds", "seeds"),
        Column("problems", "problems met by every seed"),
        Column("failures", "failures"),
        Column("attempts", "of"),
        Column("late_problems", "late problems", words=True),
        Column("updates_first", "updates, first"),
        Column("updates_late", "updates, late"),
        Column("updates_total", "updates in total"),
    )
    rows = [row for panel in panels if panel in results.panels for row in _condition_rows(results.panels[panel])]
    note = (
        "Means over seeds with their 95 % bootstrap intervals (BCa). First: the first problem. Late: a problem of the "
        "late ones. A failed problem counts with the limit. Late and in total are over each condition's own problems: "
        "where these differ, nothing follows from them, and only the comparisons, over common problems, tell."
    )
    return Table(name, "Failures and updates", columns, rows, note)


def _condition_rows(panel: Panel) -> list[list[Cell]]:
    rows: list[list[Cell]] = []
    for name, found in panel.conditions.items():
        if name.startswith(MASK):
            continue
        parts = (found.updates[:, 0], late_updates(found, found.problems), found.updates.sum(axis=1))
        spent = [interval(values) for values in parts]
        counts = [len(found.seeds), found.problems, found.failures, found.attempts, late_problems(found.problems)]
        rows.append([panel.name, name, *counts, *spent])
    return rows


def failures_by_family(results: StudyResults) -> Table:
    """Failed problems of every condition, a column a family."""
    panels = [results.panels[family] for family in results.families if family in results.panels]
    order = dict.fromkeys(name for panel in panels for name in panel.conditions if not name.startswith(MASK))
    columns = [Column("condition", "condition", words=True), *(Column(panel.name, panel.name) for panel in panels)]
    rows = [[condition, *(_failures(panel.conditions.get(condition)) for panel in panels)] for condition in order]
    note = "Failed problems of all that were met: a problem fails that does not reach the criterion within the limit."
    return Table("failures", "Failures", columns, rows, note)


def _failures(found: Sequences | None) -> Cell:
    return f"{found.failures:,} of {found.attempts:,}" if found else None


def comparisons(evidence: Evidence, panels: Sequence[str], name: str) -> Table:
    """Bi-level against the others, seed by seed on the same problems."""
    columns = (
        Column("panel", "panel", words=True),
        Column("reference", "bi-level against", words=True),
        Column("measure", "updates", words=True),
        Column("problems", "problems"),
        Column("seeds", "seeds"),
        Column("ratio", "ratio"),
        Column("difference", "difference"),
        Column("effect", "d"),
        Column("p_value", "p"),
        Column("p_corrected", "p, corrected"),
    )
    rows: list[list[Cell]] = []
    for one in evidence.comparisons:
        if one.panel in panels:
            found = one.comparison
            start = [one.panel, one.reference, one.measure, one.problems, found.seeds]
            rows.append([*start, found.ratio, found.difference, found.effect, found.p_value, found.p_corrected])
    note = (
        "Updates of bi-level over (ratio) or minus (difference) those of the other condition, over the problems that "
        "both met (total) and over the last of these (late), with 95 % Student's t intervals over seeds, those of "
        "ratios from their logarithms; d: mean difference over its standard deviation. p: permutation of signs, "
        "two-sided, corrected together for all comparisons of this study (Benjamini & Yekutieli)."
    )
    return Table(name, "Comparisons", columns, rows, note)


def masks(results: StudyResults) -> Table:
    """All masks of each family on fresh problems, and what the search had to say before."""
    order = [STANDARD, *(f"{MASK}{digits}" for digits in ("001", "010", "011", "100", "101", "110")), INNER_ONLY]
    columns = [
        Column("family", "family", words=True),
        Column("chosen", "search chose", words=True),
        Column("search_problems", "pilot problems"),
        Column("search_updates", "pilot updates"),
        Column("problems", "fresh problems"),
        *(Column(name, {STANDARD: "000", INNER_ONLY: "111"}.get(name, name.removeprefix(MASK))) for name in order),
        Column("lead", "lead of the choice in the search", words=True),
    ]
    rows: list[list[Cell]] = []
    for family in results.families:
        panel = results.panels.get(family)
        if panel is None or not any(name in panel.conditions for name in order[1:-1]):
            continue
        found = next((member.search for member in results.members if member.name == family and member.search), None)
        told: list[Cell] = [None, None, None]
        if found:
            told = [str(found.summary["chosen"]), len(found.problems()), int(found.summary["updates"])]
        totals = panel.totals([name for name in order if name in panel.conditions])
        means = [fmean(totals[name].values()) if name in totals else None for name in order]
        lead = margin_in_words(found) if found else None
        rows.append([family, *told, panel.common(*totals), *means, lead])
    note = (
        "Updates over the first problems, which all masks met, mean over seeds, by mask: dendritic time constant, "
        "somatic time constant, threshold; 1 learns. The search saw none of these problems and networks. Lead: of the "
        "chosen mask on the pilot problems, with Student's t interval over pilot networks; a search chooses what looks "
        "best, so that it is a little too large."
    )
    return Table("masks", "Updates by mask", columns, rows, note)


def sweeps(results: StudyResults) -> Table:
    """Updates a pilot problem of every model by learning rate, a row a family and model."""
    found = [(member.panel, member.sweep.summary) for member in results.members if member.sweep]
    models = [(panel, name, model) for panel, summary in found for name, model in summary["models"].items()]
    rates = sorted({score["rate"] for *_, model in models for score in model["scores"]})
    columns = [
        Column("family", "family", words=True),
        Column("model", "model", words=True),
        *(Column(f"rate_{rate:g}", f"{rate:g}") for rate in rates),
        Column("chosen", "chosen"),
        Column("remark", "remark", words=True),
    ]
    rows: list[list[Cell]] = []
    for panel, name, model in models:
        scores, chosen = {score["rate"]: score["score"] for score in model["scores"]}, model["chosen"]
        rows.append([panel, name, *(scores.get(rate) for rate in rates), f"{chosen['rate']:g}", remark(chosen)])
    note = (
        "Updates to criterion, mean over the pilot problems of a sweep, by learning rate; an unsolved problem counts "
        "the limit. All models and rates have the same budget; no pilot problem recurs in the study."
    )
    return Table("sweeps", "Learning rates", columns, rows, note)


def goudar(evidence: Evidence) -> Table:
    """The published fit of each seed, beside the published numbers."""
    columns = (
        Column("member", "run", words=True),
        Column("seed", "seed"),
        Column("problems", "problems"),
        Column("failures", "failures"),
        *(Column(name, f"{letter} ({'problems' if letter == 'T' else 'trials'})") for name, letter in LETTERS.items()),
        Column("inside", "inside the published ranges", words=True),
    )
    rows: list[list[Cell]] = []
    for one in evidence.fits:
        numbers = [getattr(one.fit.fit, name) for name in LETTERS]
        inside = [letter for name, letter in LETTERS.items() if PUBLISHED[name].holds(getattr(one.fit.fit, name))]
        start = [one.member, one.fit.seed, one.fit.problems, one.fit.failures]
        rows.append([*start, *numbers, ", ".join(inside) or "none"])
    if rows:
        if whole := evidence.whole_fits:
            rows.append(_mean_of_whole(whole))
        rows.append(["published sequences, fitted alike", *_published(PUBLISHED)])
        rows.append(["published fits, as stored", *_published(STORED)])
    note = (
        "Trials to criterion of problem x as a exp(-x / T) + c, fitted as the published analysis does: trials before "
        "the criterion's window, at least 1; the first problem left out; the published bounds and starting values. "
        "The fits that are stored beside the published sequences are not those of these sequences: fitted by that very "
        "procedure these have a wider range, and it is theirs that a seed is inside of or not. The mean, with its 95 % "
        "Student's t interval, is over whole sequences only: finished, and as long as the published ones."
    )
    return Table("goudar", "Fits", columns, rows, note)


def _mean_of_whole(whole: Sequence[Fitted]) -> list[Cell]:
    """Shorter sequences have other fits, and do not belong above the published ranges."""
    means = [student_interval(np.array([getattr(one.fit.fit, name) for one in whole])) for name in LETTERS]
    failures = sum(one.fit.failures for one in whole)
    return [f"mean of {len(whole)} whole sequences", None, min(one.fit.problems for one in whole), failures, *means, ""]


def _published(numbers: Mapping[str, Published]) -> list[Cell]:
    """The end of a row: problems, failures, ranges, and what they are."""
    ranges = [Interval(numbers[name].mean, numbers[name].low, numbers[name].high) for name in LETTERS]
    return [None, FIT_PROBLEMS, None, *ranges, "mean (range) of 10 networks"]


def claims(judged: Sequence[Judged], name: str) -> Table:
    """One row a finding, for the file."""
    columns = (
        Column("claim", "claim", words=True),
        Column("source", "source", words=True),
        Column("verdict", "verdict"),
        Column("where", "where", words=True),
        Column("measured", "measured", words=True),
        Column("finding", "finding"),
        Column("rule", "rule"),
    )
    rows = [
        [one.claim.text, one.claim.source, one.verdict, found.where, found.measured, found.verdict, one.claim.rule]
        for one in judged
        for found in one.findings
    ]
    return Table(name, "Claims", columns, rows)
