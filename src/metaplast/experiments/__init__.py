"""Experiments: from a configuration to a run directory."""

from metaplast.experiments.catalogue import NAMES, configuration
from metaplast.experiments.learning_to_learn import Study, build
from metaplast.experiments.session import Progress, run
from metaplast.experiments.settings import LearningToLearn

__all__ = ["NAMES", "LearningToLearn", "Progress", "Study", "build", "configuration", "run"]
