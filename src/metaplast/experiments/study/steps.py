"""What can be done for a member of a study: each kind of step is one entry of `KINDS`."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from metaplast.analysis.networks.lesion_table import FILE as LESIONS
from metaplast.analysis.networks.lesion_table import read_rows
from metaplast.config import Table, decode, to_table
from metaplast.experiments.learning_to_learn import experiment as learning_to_learn
from metaplast.experiments.learning_to_learn import session
from metaplast.experiments.learning_to_learn.analysis_session import analyse, analysis_configuration
from metaplast.experiments.learning_to_learn.configuration import configuration
from metaplast.experiments.learning_to_learn.settings import LearningToLearn
from metaplast.experiments.search import masks as search
from metaplast.experiments.search.configuration import search_configuration
from metaplast.experiments.search.progress import Told
from metaplast.experiments.search.session import ALLOCATION, run_search
from metaplast.experiments.search.settings import AllocationSearch
from metaplast.experiments.states import Mismatch
from metaplast.experiments.study.checks import check_analysis, check_run
from metaplast.experiments.sweep import rates as sweep
from metaplast.experiments.sweep.configuration import sweep_configuration
from metaplast.experiments.sweep.session import run_sweep
from metaplast.experiments.sweep.settings import RateSweep
from metaplast.report import PAGE, write_report
from metaplast.runs import RunDirectory

ELSEWHERE = {"start.run"}
"""Settings that name a folder which may have been moved; what was taken from it is in the run's own by then."""


class StepProgress(NamedTuple):
    """What a step tells while it runs."""

    share: float
    """Part of the step that is done, from 0 to 1; of a search, which does not know its length, a guess."""
    note: str
    """The same in words, and how it goes."""


class Kind(NamedTuple):
    """A kind of step. It can be killed at any moment and goes on in its folder when it is carried out again."""

    folder: str
    """Its folder in the directory of the study, `{member}` being the name of the member."""
    configure: Callable[[str, Sequence[str]], Any]
    """(base, settings) -> configuration."""
    check: Callable[[Any], object]
    """Refuses, with a ValueError, a configuration with which the step could not begin, hours after its study did."""
    work: Callable[[Any], float]
    """How much a configuration asks for, in problems learned by one network: what the time left is guessed from."""
    carry_out: Callable[[Any, Path, Callable[[StepProgress], None]], None]
    """(configuration, folder, told): do it, or what is left of it."""
    finished: Callable[[Path], bool]
    """Whether nothing is left to do in a folder."""


def opened(path: Path, config: Any) -> tuple[RunDirectory, bool]:
    """The directory of a step, and whether something was begun there.

    Raises:
        Mismatch: it was begun with other settings.
    """
    if not (path / "config.toml").is_file():
        return RunDirectory.create(path), False
    place = RunDirectory.open(path)
    begun = to_table(decode(place.config, type(config)))  # with the defaults of settings that are newer than it
    if differ := set(_differences(begun, to_table(config))) - ELSEWHERE:
        names = ", ".join(sorted(differ))
        raise Mismatch(f"{path} was begun with other settings ({names}); give another --out, or remove it")
    return place, True


def _differences(old: Table, new: Table, where: str = "") -> list[str]:
    """Paths at which two tables differ."""
    found = []
    for key in dict.fromkeys([*old, *new]):
        one, two = old.get(key), new.get(key)
        if isinstance(one, dict) and isinstance(two, dict):
            found += _differences(one, two, f"{where}{key}.")
        elif one != two:
            found.append(f"{where}{key}")
    return found


def _run(config: LearningToLearn, path: Path, told: Callable[[StepProgress], None]) -> None:
    place, begun = opened(path, config)
    study = learning_to_learn.build(config, place if begun else None)

    def heard(now: session.Progress) -> None:
        recent = "" if now.recent != now.recent else f", last {now.recent:.1f} updates each"
        told(StepProgress(now.done / now.total, f"{now.done}/{now.total} problems{recent}, {now.failures} failed"))

    session.run(study, place, heard, resume=begun)
    write_report([place])


def _run_work(config: LearningToLearn) -> float:
    return float(len(config.conditions) * config.run.seeds * config.run.problems)


def _search(config: AllocationSearch, path: Path, told: Callable[[StepProgress], None]) -> None:
    place, begun = opened(path, config)
    study = search.build(config)
    work = _search_work(config)

    def heard(now: Told) -> None:
        told(StepProgress(min(now.done / work, 1.0), now.words()))

    run_search(study, place, heard, resume=begun)


def _search_work(config: AllocationSearch) -> float:
    """About half of what trying all masks would cost."""
    masks = 2 ** len(config.pilot.groups)
    return max(masks * config.search.get("problems", 0) * config.pilot.seeds / 2, 1.0)


def _sweep(config: RateSweep, path: Path, told: Callable[[StepProgress], None]) -> None:
    place, begun = opened(path, config)

    def heard(now: sweep.Swept) -> None:
        note = f"{now.model}, {now.done}/{now.total} problems, {now.failures} failed"
        told(StepProgress(now.done / now.total, note))

    run_sweep(sweep.build(config), place, heard, resume=begun)


def _sweep_work(config: RateSweep) -> float:
    one = config.sweep
    return float(len(one.models) * len(one.rates) * one.seeds * one.problems)


def _analyse(config: LearningToLearn, path: Path, told: Callable[[StepProgress], None]) -> None:
    place = RunDirectory.open(path)
    settings = [f"analysis.{name}={value}" for name, value in to_table(config.analysis).items()]
    study = learning_to_learn.build(analysis_configuration(place, settings), place)

    def heard(part: str, done: int, total: int) -> None:
        told(StepProgress((done / total + (part == "lesions")) / 2, f"{part} {done}/{total}"))

    analyse(study, place, heard, lesions=True)
    write_report([place])


def _analyse_work(config: LearningToLearn) -> float:
    """A lesion learns one problem, and there are as many of neurons drawn by lot as of each property: three or four."""
    properties = 3 + bool(getattr(config.model, "longest_delay", 0))
    return float(len(config.conditions) * config.run.seeds * (1 + properties) * config.analysis.bins)


def _ran(path: Path) -> bool:
    """Whether a run has its numbers and its report, which is drawn last."""
    return bool(RunDirectory(path).summary) and (path / PAGE).is_file()


def _analysed(path: Path) -> bool:
    """Whether there are lesions of all lanes, and a report of them: drawing it writes the tables of the analyses."""
    run = RunDirectory(path)
    table, measured = run.problems(), {(row.condition, row.seed) for row in read_rows(run)}
    lanes = {(name, seed) for name in table.conditions() for seed in table.seeds(name)}
    if not (run.summary and lanes <= measured and (path / PAGE).is_file()):
        return False
    return (path / PAGE).stat().st_mtime_ns >= (path / LESIONS).stat().st_mtime_ns


KINDS: dict[str, Kind] = {
    "run": Kind("{member}", configuration, check_run, _run_work, _run, _ran),
    "search": Kind(
        "search-{member}",
        search_configuration,
        search.build,
        _search_work,
        _search,
        lambda path: (path / ALLOCATION).is_file(),
    ),
    "sweep": Kind(
        "sweep-{member}",
        sweep_configuration,
        sweep.build,
        _sweep_work,
        _sweep,
        lambda path: bool(RunDirectory(path).summary),
    ),
    "analyse": Kind("{member}", configuration, check_analysis, _analyse_work, _analyse, _analysed),
}
