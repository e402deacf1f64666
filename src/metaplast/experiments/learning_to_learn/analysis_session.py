"""The analysis of a finished run: what can only be measured by running its networks once more."""

from collections.abc import Callable, Sequence

import tomli_w

from metaplast.config import read_toml, to_table
from metaplast.experiments.learning_to_learn.configuration import configuration
from metaplast.experiments.learning_to_learn.experiment import Study
from metaplast.experiments.learning_to_learn.lesions import measure_lesions
from metaplast.experiments.learning_to_learn.probes import record_probes
from metaplast.experiments.learning_to_learn.settings import LearningToLearn
from metaplast.experiments.learning_to_learn.within import measure_within
from metaplast.run_names import command_to_resume
from metaplast.runs import RunDirectory, write_atomically

FILE = "analysis.toml"
KIND = "learning-to-learn"
"""What a run of a task family says that it is."""


def analysis_configuration(directory: RunDirectory, settings: Sequence[str]) -> LearningToLearn:
    """Configuration of a finished run, with `analysis.a=value` settings.

    Raises:
        ValueError: a study, search or sweep; a run that has not finished; a setting that is not one of the analysis, or
            one with which the results that are there already were not made.
    """
    kind = directory.config.get("experiment", KIND)
    if kind != KIND:
        hint = f"; give one of its runs, such as {directory.path / '<member>'}" if kind == "study" else ""
        raise ValueError(f"{directory.path} is of the kind {kind!r}; only runs can be analysed{hint}")
    if not directory.summary:
        raise ValueError(f"{directory.path} has not finished; go on with: {command_to_resume(directory.path)}")
    for setting in settings:
        if not setting.startswith("analysis."):
            raise ValueError(f"--set {setting}: the run is over; only the settings analysis.* can still be changed")
    config = configuration(str(directory.path / "config.toml"), settings)
    asked, made = to_table(config.analysis), read_toml(directory.path / FILE) if _begun(directory) else {}
    for name in ("trials", "bins"):
        if made.get(name, asked[name]) != asked[name]:
            raise ValueError(
                f"{directory.path} was analysed with analysis.{name} = {made[name]}, not {asked[name]}; give the same, "
                f"or remove {FILE}, lesions.csv and the folder probes first"
            )
    return config


def _begun(directory: RunDirectory) -> bool:
    return (directory.path / FILE).is_file()


def analyse(
    study: Study,
    directory: RunDirectory,
    told: Callable[[str, int, int], None],
    *,
    lesions: bool = False,
    within: bool = False,
) -> None:
    """Record the probe trials and, if asked, measure the lesions and the loss within problems.

    What is there already is not made again.

    `told` hears what is being done, how much of it is done, and of how much.

    Raises:
        Mismatch: saved networks that do not fit the configuration.
        ValueError, FileNotFoundError: as `check_lesions` and `check_within`.
    """
    write_atomically(directory.path / FILE, tomli_w.dumps(to_table(study.config.analysis)).encode())
    record_probes(study, directory, lambda done, total: told("probe trials", done, total))
    if lesions:
        measure_lesions(study, directory, lambda done, total: told("lesions", done, total))
    if within:
        measure_within(study, directory, lambda done, total: told("loss within problems", done, total))
