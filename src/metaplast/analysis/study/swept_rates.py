"""Which sweep a member of a study has its learning rate from, and what should be known of that rate."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from metaplast.analysis.sweep.rate_scores import doubt
from metaplast.run_names import swept_model
from metaplast.runs import RunDirectory

SETTING, STUDY = "learning.rate=", "{study}/"
"""How the settings of a plan name the file of a sweep."""


def doubt_of_rate(study: Path, plan: Mapping[str, Any], model: Mapping[str, Any]) -> str:
    """What is doubtful about the learning rate of a member, in words; empty if nothing is, or it was not swept.

    `model` is the model of its run: the sweep of a family is taken by all of its baselines, each has a rate of its own.
    """
    file = _swept_file(plan)
    models = RunDirectory(study / file.parent).summary.get("models", {}) if file else {}
    found = models.get(swept_model(model.get("name", ""), model.get("heads")))
    return doubt(found["chosen"]) if found else ""


def doubts_in_words(doubts: Mapping[str, str]) -> list[str]:
    """One line for each doubt, with all conditions that share it."""
    sharing = {words: [name for name, its in doubts.items() if its == words] for words in doubts.values() if words}
    return [f"{', '.join(names)}: {words}" for words, names in sharing.items()]


def _swept_file(plan: Mapping[str, Any]) -> Path | None:
    """Below the directory of the study; the last setting counts, which may be a number."""
    own = [one for step in plan.get("steps", []) if step["kind"] == "run" for one in step["settings"]]
    values = [one.removeprefix(SETTING) for one in (*plan.get("settings", []), *own) if one.startswith(SETTING)]
    last = values[-1].strip("\"'") if values else ""
    return Path(last.removeprefix(STUDY)) if last.endswith(".toml") else None
