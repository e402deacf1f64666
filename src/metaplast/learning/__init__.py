"""Learners, losses, criteria and the compiled loops from problem to problem."""

from metaplast.learning.base import Learner, Metrics
from metaplast.learning.criteria import Criterion
from metaplast.learning.gradient import GradientLearner
from metaplast.learning.lanes import Lanes
from metaplast.learning.learn import Outcome, learn, learn_sequence, learn_until_given_up, loss_course
from metaplast.learning.losses import FiveTermLoss

__all__ = [
    "Criterion",
    "FiveTermLoss",
    "GradientLearner",
    "Lanes",
    "Learner",
    "Metrics",
    "Outcome",
    "learn",
    "learn_sequence",
    "learn_until_given_up",
    "loss_course",
]
