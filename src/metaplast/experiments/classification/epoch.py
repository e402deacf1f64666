"""One epoch of a classification run as a compiled program: a condition learns a task, and is tested on all of them."""

import time
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray, PyTree

from metaplast.allocation import assignment
from metaplast.experiments.classification.experiment import Grid, Group
from metaplast.learning.classification import EpochMetrics, Examples, Knowledge, Learned, judged, learn_epoch
from metaplast.learning.classifier import Classifier
from metaplast.learning.lanes import Lanes
from metaplast.learning.settled import settled, with_moments
from metaplast.learning.shares import Shares, change_shares, current_shares
from metaplast.learning.thresholds import homeostatic
from metaplast.models.layered import projection_name
from metaplast.network import Network


class Measured(NamedTuple):
    """What is written down of an epoch."""

    training: EpochMetrics
    test: Knowledge
    """Mean over all tasks."""
    tasks: Float[Array, " tasks"]
    """Test accuracy on each task."""
    start: Float[Array, " tasks"]
    """The same before the first epoch, NaN after any other; of a run with one task always NaN."""
    gains: assignment.Gains
    """Mean over the cells of a layer, strength included."""
    change: Shares
    """In what changed during the epoch."""
    current: Shares
    """On the first test examples of the task that was learned."""
    thresholds: dict[str, Float[Array, ""]]
    """By layer whose threshold is homeostatic: mean over its cells."""


class Program(NamedTuple):
    """A compiled epoch of one group."""

    run: Callable[[Learned, int], tuple[Learned, Measured]]
    seconds: float
    """That it took to compile."""


def compile_epoch(grid: Grid, group: Group) -> Program:
    """One epoch of learning and what it came to, all seeds of a group side by side."""
    arrays, static = eqx.partition(group.start, eqx.is_array)

    def one(
        sets: tuple[Examples, Examples], arrays: PyTree, key: PRNGKeyArray, epoch: Array
    ) -> tuple[PyTree, Measured]:
        learned, measured = _epoch(grid, group, sets, eqx.combine(arrays, static), key, epoch)
        return eqx.filter(learned, eqx.is_array), measured

    # The data are shared by all lanes: inside the function, but no constants of the program.
    lanes = Lanes(eqx.Partial(one, (grid.data.train, grid.data.test)), len(group.seeds))
    counted = lambda epoch: jnp.full(len(group.seeds), epoch, jnp.int32)  # noqa: E731
    keys = lanes.place(group.keys)
    began = time.perf_counter()
    compiled = lanes.compile(arrays, group.keys, counted(0))
    seconds = time.perf_counter() - began

    def run(learned: Learned, epoch: int) -> tuple[Learned, Measured]:
        placed, when = lanes.place((eqx.filter(learned, eqx.is_array), counted(epoch)))
        after, measured = lanes.gather(compiled(placed, keys, when))
        return eqx.combine(after, static), measured

    return Program(run, seconds)


def _epoch(
    grid: Grid, group: Group, sets: tuple[Examples, Examples], learned: Learned, key: PRNGKeyArray, epoch: Array
) -> tuple[Learned, Measured]:
    """An epoch of one network; the tasks follow each other, with so many epochs each."""
    config, data, (train, test) = grid.config, grid.data, sets
    batch, task = config.training.batch, epoch // config.training.epochs
    learn_key, test_key = jax.random.split(jax.random.fold_in(key, epoch))
    now = epoch.astype(float)
    encode_train, encode_test = (partial(encode, task=task) for encode in (data.encode_train, data.encode_test))
    settle = partial(settled, data=train, coding=encode_train, key=test_key, epoch=now, batch=batch)
    started = learned

    def tested_before() -> Knowledge:
        known = settle(started)
        return _tested(grid, group, known.model, known.model.at_test(now, known.memory), test, test_key)

    start = _before(epoch, tested_before, data.tasks)
    learned, metrics = learn_epoch(group.learner, started, train, encode_train, learn_key, now, batch)
    learned = settle(learned)
    network = learned.model.at_test(now, learned.memory)
    # With the same moments, so that only what was learned differs.
    before = with_moments(started.model, learned.model.moments).at_test(now, started.memory)
    knowledge = _tested(grid, group, learned.model, network, test, test_key)
    probe = encode_test(test.images[:batch], test_key)
    gains = {
        layer.layer: {
            channel: jnp.mean(network.projections[projection_name(layer.layer, channel)].amplified(jnp.ones(())))
            for channel in layer.channels
        }
        for layer in group.wiring
    }
    change = change_shares(before, network, group.wiring)
    current = current_shares(network, group.wiring, probe, config.network.steps)
    thresholds = {
        name: jnp.mean(network.populations[name].neuron.threshold)  # pyright: ignore[reportAttributeAccessIssue]
        for name in homeostatic(learned.model.network)
    }
    mean = jax.tree.map(lambda leaf: jnp.mean(leaf, axis=0), knowledge)
    return learned, Measured(metrics, mean, knowledge.accuracy, start, gains, change, current, thresholds)


def _tested(
    grid: Grid, group: Group, model: Classifier, network: Network, test: Examples, key: PRNGKeyArray
) -> Knowledge:
    """What a network makes of the test examples of every task: leaves [tasks]."""

    def of_task(task: Array) -> Knowledge:
        encode = partial(grid.data.encode_test, task=task)
        return judged(model, network, group.learner.loss, test, encode, key, grid.config.training.batch)

    return jax.lax.map(of_task, jnp.arange(grid.data.tasks))


def _before(epoch: Array, tested: Callable[[], Knowledge], tasks: int) -> Float[Array, " tasks"]:
    """Accuracy on every task before anything is learned, without which nobody can tell what a first task lends."""
    unknown = jnp.full(tasks, jnp.nan)
    if tasks == 1:
        return unknown
    return jax.lax.cond(epoch == 0, lambda: tested().accuracy, lambda: unknown)
