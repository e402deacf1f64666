"""A sweep on disk: what was tried, the learning rate that was chosen for every model, and a figure of both."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import tomli_w

from metaplast.analysis.sweep.rate_scores import RULE, choose, rate_score, remark
from metaplast.config import to_table
from metaplast.experiments.beginnings import begin, finish
from metaplast.experiments.learning_to_learn.swept_rate import RATES
from metaplast.experiments.states import Mismatch
from metaplast.experiments.sweep.rates import SweepStudy, Swept, label, sweep_rates
from metaplast.figures.run import draw_sweep
from metaplast.runs import RunDirectory, write_atomically

SWEPT = "sweep.toml"


def run_sweep(
    study: SweepStudy, directory: RunDirectory, told: Callable[[Swept], None], *, resume: bool = False
) -> dict[str, Any]:
    """Sweep, and write sweep.toml, summary.json and the figure; the summary.

    Seconds are those of this process: a sweep that was killed does not know what it spent before.

    Raises:
        Mismatch: what is there was written by other settings.
    """
    config = study.config
    if resume and directory.config != to_table(config):
        raise Mismatch(f"{directory.path} was begun with other settings; give another --out")
    meta = begin(directory, config, config.sweep.seed, resume=resume)
    start = time.perf_counter()
    sweep_rates(study, directory, told)
    models = results(study, directory)
    spent = sum(score["updates"] for found in models.values() for score in found["scores"])
    numbers = {
        "rule": RULE,
        "budget": config.sweep.problems * config.sweep.seeds * config.criterion.limit,
        "limit": config.criterion.limit,
        "updates": spent,
        "models": models,
        "seconds": time.perf_counter() - start,
    }
    write_atomically(directory.path / SWEPT, swept_toml(study, models, directory.path / SWEPT).encode())
    draw_sweep(directory, models, config.criterion.limit)
    directory.write_summary(numbers)
    finish(directory, meta)
    return numbers


def results(study: SweepStudy, directory: RunDirectory) -> dict[str, Any]:
    """By model the scores of all rates and the choice, as they stand in the summary."""
    table, limit, found = directory.problems(), study.config.criterion.limit, {}
    for model in study.models:
        scores = [rate_score(table, label(model, rate), rate, limit) for rate in sorted(study.config.sweep.rates)]
        found[model] = {"scores": [one._asdict() for one in scores], "chosen": choose(scores)._asdict()}
    return found


def swept_toml(study: SweepStudy, models: dict[str, Any], path: Path) -> str:
    """The chosen rates as a file that a run takes for its learning rate, with a word on where they come from."""
    table = {
        RATES: {model: found["chosen"]["rate"] for model, found in models.items()},
        "remarks": {model: note for model, found in models.items() if (note := remark(found["chosen"]))},
        "family": study.config.family,
        "sweep": to_table(study.config.sweep),
    }
    # The name of its folder only, so that the same sweep writes the same bytes wherever it stands.
    place = Path(path.parent.name) / path.name
    return f"# As the learning rate of a run: --set 'learning.rate=\".../{place}\"'\n" + tomli_w.dumps(table)
