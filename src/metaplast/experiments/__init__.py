"""Experiments: from a configuration to a run directory."""

from metaplast.experiments.catalogue import NAMES
from metaplast.experiments.learning_to_learn.configuration import configuration
from metaplast.experiments.learning_to_learn.experiment import Study, build
from metaplast.experiments.learning_to_learn.session import Progress, run
from metaplast.experiments.learning_to_learn.settings import LearningToLearn

__all__ = ["NAMES", "LearningToLearn", "Progress", "Study", "build", "configuration", "run"]
