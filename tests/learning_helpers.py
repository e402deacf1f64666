"""A small spiking network, a small family and a learner that frees what it is told to."""

from functools import cache

import equinox as eqx
import jax
from jaxtyping import PRNGKeyArray

from metaplast.allocation import Allocation, learning_rates
from metaplast.learning import Criterion, FiveTermLoss, GradientLearner
from metaplast.models import RecurrentSpiking, recurrent_spiking, with_axons
from metaplast.tasks import DelayedMatch

WEIGHTS = ("*.weight", "*.bias")
INTRINSIC = ("*.tau_dendrite", "*.tau_soma", "*.threshold")
FAMILY = DelayedMatch(cue=50.0, delay=20.0, test=50.0, response=50.0)
CRITERION = Criterion(loss_below=0.1, window=5)


@cache
def network(neurons: int = 24, branches: int = 1, longest_delay: float = 0.0) -> RecurrentSpiking:
    """A network that spikes; its readout is zero, as it is before learning."""

    @jax.jit
    def make(key: PRNGKeyArray) -> RecurrentSpiking:
        model = recurrent_spiking(
            key, channels=FAMILY.channels, neurons=neurons, outputs=3, dt=FAMILY.dt, branches=branches
        )
        return with_axons(model, longest_delay, key) if longest_delay else model

    return make(jax.random.key(2))


def rates_of(model: RecurrentSpiking, *patterns: str, rate: float = 3e-3, **overrides: float):
    """Learning rates of one lane, without the lane axis."""
    rates = learning_rates(model, [Allocation("all", patterns)], rate, overrides)
    return jax.tree.map(lambda leaf: leaf[0], rates)


def only(model: RecurrentSpiking, *patterns: str, rate: float = 3e-3):
    """Rates for every parameter, zero where none of the patterns names it: always the same structure."""
    return rates_of(model, "*", rate=rate, **{"*": 0.0}, **dict.fromkeys(patterns, rate))


def learner_of(model: RecurrentSpiking, *patterns: str, rate: float = 3e-3, **settings) -> GradientLearner:
    return GradientLearner(rates_of(model, *(patterns or WEIGHTS), rate=rate), FiveTermLoss(), **settings)


@eqx.filter_jit
def update(learner: GradientLearner, model, state, problem, key):
    """One update on four trials."""
    return learner.step(model, state, problem.trials(key, 4), key)


def updates(learner: GradientLearner, model, state, problem, count: int):
    """Several updates; one compiled program serves all learners with the same structure of rates."""
    for key in jax.random.split(jax.random.key(5), count):
        model, state, metrics = update(learner, model, state, problem, key)
    return model, state, metrics
