"""What a step refuses when it is built, known before a study begins and without the arrays of a run."""

from metaplast.allocation import Allocation
from metaplast.config import component
from metaplast.experiments.learning_to_learn.experiment import build_criterion
from metaplast.experiments.learning_to_learn.lesions import PROPERTIES
from metaplast.experiments.learning_to_learn.settings import LearningToLearn
from metaplast.experiments.structure import structure
from metaplast.params import match, parameter_paths, places
from metaplast.tasks import FAMILIES


def check_run(config: LearningToLearn) -> None:
    """Refuse a run that would be refused when it is built.

    Raises:
        ValueError: a component that does not exist, a criterion that no problem could meet, or globs that name nothing.
    """
    _parameters(config)


def check_analysis(config: LearningToLearn) -> None:
    """Refuse a run whose networks could not be lesioned.

    Raises:
        ValueError: as `check_run`; cells without a property to lesion by, or fewer neurons than bins.
    """
    names, bins, neurons = _parameters(config), config.analysis.bins, config.model.neurons
    if not any(name.endswith(f".{one}") for name in names for one in PROPERTIES):
        raise ValueError(f"analyse: the cells of this model have none of {', '.join(PROPERTIES)}; leave the step out")
    if neurons < bins:
        raise ValueError(f"analysis.bins is {bins}, but there are {neurons} neurons; give fewer bins")


def _parameters(config: LearningToLearn) -> list[str]:
    """Paths of all parameters of a run that fits."""
    family = component(FAMILIES, config.family, "family")
    build_criterion(config)
    network = structure(config.model, family)
    names = parameter_paths(network)
    if not config.conditions:
        raise ValueError("conditions is empty; name at least one, with the parameters that may learn")
    for name, patterns in config.conditions.items():
        Allocation(name, tuple(patterns)).places(network)
    places(network, tuple(config.learning.rates))
    if config.start.run:
        match(names, tuple(config.start.parameters))
    return names
