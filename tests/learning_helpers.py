"""A small spiking network, a small family and a learner that frees what it is told to."""

from functools import cache

import equinox as eqx
import jax

from metaplast.allocation import Allocation, learning_rates
from metaplast.learning import Criterion, FiveTermLoss, GradientLearner
from metaplast.models import RecurrentSpiking, recurrent_spiking
from metaplast.tasks import DelayedMatch

WEIGHTS = ("*.weight", "*.bias")
INTRINSIC = ("*.tau_dendrite", "*.tau_soma", "*.threshold")
FAMILY = DelayedMatch(cue=50.0, delay=20.0, test=50.0, response=50.0)
CRITERION = Criterion(loss_below=0.1, window=5)


@cache
def network(neurons: int = 24, branches: int = 1) -> RecurrentSpiking:
    """A network that spikes; its readout is zero, as it is before learning."""
    make = jax.jit(
        lambda key: recurrent_spiking(
            key, channels=FAMILY.channels, neurons=neurons, outputs=3, dt=FAMILY.dt, branches=branches
        )
    )
    return make(jax.random.key(2))


def rates_of(model: RecurrentSpiking, *patterns: str, rate: float = 3e-3, **overrides: float):
    """Learning rates of one lane, without the lane axis."""
    rates = learning_rates(model, [Allocation("all", patterns)], rate, overrides)
    return jax.tree.map(lambda leaf: leaf[0], rates)


def learner_of(model: RecurrentSpiking, *patterns: str, rate: float = 3e-3, **settings) -> GradientLearner:
    return GradientLearner(rates_of(model, *(patterns or WEIGHTS), rate=rate), FiveTermLoss(), **settings)


@eqx.filter_jit
def updates(learner: GradientLearner, model, state, problem, count: int, seed: int = 5):
    """Several updates in one compiled loop; returns the metrics of each."""
    arrays, static = eqx.partition(model, eqx.is_array)

    def one(carry, key):
        current, state, metrics = learner.step(eqx.combine(carry[0], static), carry[1], problem.trials(key, 4), key)
        return (eqx.filter(current, eqx.is_array), state), metrics

    (arrays, state), metrics = jax.lax.scan(one, (arrays, state), jax.random.split(jax.random.key(seed), count))
    return eqx.combine(arrays, static), state, metrics
