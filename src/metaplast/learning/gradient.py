"""Learning by surrogate gradients, restricted to what an allocation frees."""

from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, PRNGKeyArray, PyTree

from metaplast.learning.base import Learner, Metrics
from metaplast.learning.losses import FiveTermLoss, LossState, accuracy
from metaplast.models.base import Model
from metaplast.params import UNDECLARED, declarations, path_name, project
from metaplast.tasks.base import Trial


class GradientState(NamedTuple):
    optimiser: PyTree
    loss: LossState


class GradientLearner(Learner):
    """Adam on the gradient of a loss, with a learning rate for each parameter.

    `rates` has the structure of the model: an array where a parameter may learn (one number, or one a neuron along its
    last axis), None where it is constant (it is then not even differentiated). A rate of zero freezes a parameter, or
    its neurons, exactly, bit by bit; rates are data, so lanes with different allocations share one compiled program.
    Parameters declared logarithmic move in their logarithm: a rate of 0.001 changes them by about 0.1 % an update,
    whatever their unit. After an update every parameter is projected into its bounds. A gradient that is not finite is
    reported as a loss that is not a number.

    Reference: Kingma & Ba (2015); beta1 = 0.3, clip 1 and Adam reset at every problem as in Goudar et al. (2023).
    """

    rates: PyTree
    loss: FiveTermLoss
    beta1: float = eqx.field(default=0.3, static=True)
    beta2: float = eqx.field(default=0.999, static=True)
    clip: float = eqx.field(default=1.0, static=True)
    reset: bool = eqx.field(default=True, static=True)
    eps_root: float = eqx.field(default=0.0, static=True)
    """Added under Adam's root; above zero where a gradient has to pass through the update."""

    def init(self, model: Model) -> GradientState:
        return GradientState(self._optimiser().init(self.split(model)[0]), self.loss.init(model))

    def begin(self, model: Model, state: GradientState) -> GradientState:
        optimiser = self._optimiser().init(self.split(model)[0]) if self.reset else state.optimiser
        return GradientState(optimiser, self.loss.begin(state.loss))

    def step(
        self, model: Model, state: GradientState, trials: Trial, key: PRNGKeyArray
    ) -> tuple[Model, GradientState, Metrics]:
        learned, constant = self.split(model)

        def objective(learned: PyTree) -> tuple[Array, Any]:
            candidate = eqx.combine(learned, constant)
            response = candidate.respond(trials.inputs, key)
            total, (task, loss_state) = self.loss(candidate, response, trials, state.loss)
            metrics = Metrics(task, accuracy(response.output, trials), jnp.mean(response.activity))
            return total, (loss_state, metrics)

        gradient, (loss_state, metrics) = jax.grad(objective, has_aux=True)(learned)
        sound = jnp.isfinite(metrics.loss) & jnp.isfinite(optax.tree.norm(gradient))
        metrics = metrics._replace(loss=jnp.where(sound, metrics.loss, jnp.nan))
        learned, optimiser = self.apply(learned, gradient, state.optimiser)
        return eqx.combine(learned, constant), GradientState(optimiser, loss_state), metrics

    def split(self, model: Model) -> tuple[PyTree, PyTree]:
        """What is differentiated, and what is constant."""
        return eqx.partition(model, jax.tree.map(lambda _, rate: rate is not None, model, self.rates))

    def apply(self, learned: PyTree, gradient: PyTree, optimiser: PyTree) -> tuple[PyTree, PyTree]:
        """One Adam step in each parameter's own coordinate, then projection into the bounds."""
        rates = jax.tree.map(lambda _, rate: rate, learned, self.rates)
        logarithmic = _logarithmic(learned)
        gradient = jax.tree.map(
            lambda g, p, rate, log: jnp.where(rate > 0, g * p if log else g, 0.0), gradient, learned, rates, logarithmic
        )
        direction, optimiser = self._optimiser().update(gradient, optimiser)
        moved = jax.tree.map(
            lambda p, d, rate, log: p * jnp.exp(-rate * d) if log else p - rate * d,
            learned,
            direction,
            rates,
            logarithmic,
        )
        # A frozen parameter stays as it is, even where it lies outside its bounds.
        bounded = jax.tree.map(lambda p, new, rate: jnp.where(rate > 0, new, p), learned, project(moved), rates)
        return bounded, optimiser

    def _optimiser(self) -> optax.GradientTransformation:
        return optax.chain(
            optax.clip_by_global_norm(self.clip),
            optax.scale_by_adam(b1=self.beta1, b2=self.beta2, eps_root=self.eps_root),
        )


def _logarithmic(tree: PyTree) -> PyTree:
    """Which parameters are declared to be learned on a logarithmic scale."""
    declared = declarations(tree)
    return jax.tree_util.tree_map_with_path(lambda path, _: declared.get(path_name(path), UNDECLARED).logarithmic, tree)
