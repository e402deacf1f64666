"""The classification experiment: several mechanisms, alone and together, seeds side by side."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, PRNGKeyArray, PyTree

from metaplast.allocation import assignment
from metaplast.config import component
from metaplast.experiments import classification_settings as settings
from metaplast.experiments.classification_data import Data, load
from metaplast.experiments.classification_settings import ClassificationSettings
from metaplast.learning.by_settling import BySelfBackpropagation
from metaplast.learning.classification import (
    Classification,
    EpochMetrics,
    Examples,
    Knowledge,
    Learned,
    judged,
    learn_epoch,
)
from metaplast.learning.classifier import Classifier, frozen
from metaplast.learning.lanes import over_lanes
from metaplast.learning.parts import LOSSES, ByGradient, Part
from metaplast.learning.selfbackprop import SelfBackpropagation
from metaplast.learning.shares import Shares, change_shares, current_shares
from metaplast.mechanism import Mechanism
from metaplast.models.layered import Cells, Channel, Wiring, layered, projection_name, wiring_of
from metaplast.params import strong_float
from metaplast.plasticity import PLASTICITY
from metaplast.surrogate import SURROGATES


class Measured(NamedTuple):
    """What is written down of an epoch."""

    training: EpochMetrics
    test: Knowledge
    gains: assignment.Gains
    """Mean over the cells of a layer, strength included."""
    change: Shares
    """In what changed during the epoch."""
    current: Shares
    """On the first test examples."""


@dataclass(frozen=True)
class Group:
    """One condition in all its seeds."""

    condition: str
    seeds: tuple[int, ...]
    wiring: tuple[Wiring, ...]
    learner: Classification
    start: Learned
    """With a leading axis of seeds, as has all that a group learns."""
    keys: Array


@dataclass(frozen=True)
class Grid:
    """Everything that a configuration describes, built and checked."""

    config: ClassificationSettings
    data: Data
    groups: tuple[Group, ...]


def build(config: ClassificationSettings) -> Grid:
    """Build what a configuration describes.

    Raises:
        ValueError: a value that does not fit.
        FileNotFoundError: the data are not there.
    """
    if not config.conditions:
        raise ValueError("conditions is empty; name at least one, with the channels that it has")
    data = load(config)
    return Grid(config, data, tuple(_group(config, data, name) for name in config.conditions))


def _group(config: ClassificationSettings, data: Data, name: str) -> Group:
    seeds = tuple(range(config.training.seed, config.training.seed + config.training.seeds))
    keys = jnp.stack([jax.random.key(seed) for seed in seeds])
    layers = len(config.network.hidden) + 1
    channels = channels_of(config, name, layers)
    sketch = eqx.filter_eval_shape(lambda key: _network(config, data, channels, key), keys[0])
    wiring = wiring_of(sketch)
    learner = learner_of(config, name, wiring)

    def begin(key: PRNGKeyArray) -> Learned:
        network = _network(config, data, channels, key)
        strength = {
            projection_name(layer.layer, channel): strong_float(_strength(config.channels[channel]))
            for layer in wiring
            for channel in layer.channels
        }
        policy = assignment_of(config.conditions[name].assignment, wiring, f"conditions.{name}.assignment")
        model = Classifier(network, policy, strength, config.network.ceiling)
        return learner.begin(model, config.training.batch)

    start = eqx.filter_jit(eqx.filter_vmap(begin))(keys)
    return Group(name, seeds, wiring, learner, start, jax.vmap(lambda key: jax.random.fold_in(key, 1))(keys))


def channels_of(config: ClassificationSettings, condition: str, layers: int) -> list[list[str]]:
    """Names of the channels of every layer."""
    chosen = config.conditions[condition]
    return [*([chosen.channels] * (layers - 1)), chosen.readout or chosen.channels]


def _network(config: ClassificationSettings, data: Data, channels: list[list[str]], key: PRNGKeyArray) -> Any:
    network = config.network
    cells = Cells(network.threshold, network.keep, component(SURROGATES, network.surrogate, "network.surrogate"))
    sizes = [data.shape, *network.hidden, data.classes]
    arriving = [[_channel(name, config.channels[name]) for name in layer] for layer in channels]
    return layered(key, sizes, arriving, cells=cells, dt=network.dt)


def _channel(name: str, channel: settings.AnyChannel) -> Channel:
    if not isinstance(channel, settings.RuleChannel):
        return Channel(name, channel.scale)

    def rule(source: tuple[int, ...], target: tuple[int, ...], key: PRNGKeyArray) -> Mechanism:
        mechanism = component(PLASTICITY, channel.plasticity, f"channels.{name}.plasticity")
        wide = {**dict.fromkeys(channel.per_source, source), **dict.fromkeys(channel.per_target, target)}
        for place, (field, shape) in enumerate(wide.items()):
            drawn = getattr(mechanism, field) * jax.random.uniform(jax.random.fold_in(key, place), shape)
            mechanism = eqx.tree_at(lambda m, field=field: getattr(m, field), mechanism, drawn)
        return mechanism

    return Channel(name, channel.scale, rule)


def _strength(channel: settings.AnyChannel) -> float:
    return channel.strength if isinstance(channel, settings.RuleChannel) else 1.0


def learner_of(config: ClassificationSettings, condition: str, wiring: tuple[Wiring, ...]) -> Classification:
    """The learners of all mechanisms of a condition."""
    names = list(dict.fromkeys(channel for layer in wiring for channel in layer.channels))
    owned = [layer.layer for layer in wiring if any(_is_gradient(config, channel) for channel in layer.channels)]
    parts, every = [], {}
    for name in names:
        channel, layers = config.channels[name], [layer.layer for layer in wiring if name in layer.channels]
        projections = [projection_name(layer, name) for layer in layers]
        if isinstance(channel, settings.RuleChannel):
            every |= dict.fromkeys(projections, channel.every)
        parts += _parts(name, channel, layers, projections, owned)
    policy = config.conditions[condition].assignment
    if isinstance(policy, settings.LearnedSettings):
        parts.append(ByGradient("assignment", ("assignment.*",), policy.rate))
    clocks = {projection: turn for projection, turn in every.items() if turn > 1}
    return Classification(tuple(parts), LOSSES[config.training.loss], clocks)


def _is_gradient(config: ClassificationSettings, channel: str) -> bool:
    return isinstance(config.channels[channel], settings.GradientChannel)


def _parts(
    name: str, channel: settings.AnyChannel, layers: list[str], projections: list[str], owned: list[str]
) -> list[Part]:
    """The learner of one channel; `owned` are the layers whose biases learn by gradient."""
    if isinstance(channel, settings.GradientChannel):
        weights = tuple(f"network.projections.{projection}.weight" for projection in projections)
        biases = tuple(f"network.populations.{layer}.bias" for layer in layers if layer in owned)
        return [ByGradient(name, weights + biases, channel.rate, every=channel.every)]
    if isinstance(channel, settings.SelfBackpropagationChannel):
        rates = [*channel.rates[:1] * (len(layers) - len(channel.rates)), *channel.rates][-len(layers) :]
        rule = SelfBackpropagation(rates, beta=channel.beta)
        return [BySelfBackpropagation(name, rule, tuple(layers), channel.warm, not owned, every=channel.every)]
    if isinstance(channel, settings.RuleChannel) and channel.meta_rate > 0:
        coefficients = tuple(
            f"network.projections.{projection}.plasticity.{field}"
            for projection in projections
            for field in channel.learned
        )
        strengths = tuple(f"strength.{projection}" for projection in projections)
        return [ByGradient(name, coefficients + strengths, channel.meta_rate, every=channel.every)]
    return []


def assignment_of(policy: settings.AnyAssignment, wiring: tuple[Wiring, ...], where: str) -> assignment.Assignment:
    """The policy that a configuration names.

    Raises:
        ValueError: a gain for a layer or channel that there is not.
    """
    try:
        match policy:
            case settings.FixedSettings():
                return assignment.fixed(wiring, policy.gains)
            case settings.SoftmaxSettings():
                return assignment.softmax(wiring)
            case settings.FreeSettings():
                return assignment.free(wiring, policy.gains)
            case settings.PerNeuronSettings():
                return assignment.per_neuron(wiring)
            case settings.ScheduledSettings():
                return assignment.scheduled(wiring, policy.start, policy.end, policy.epochs)
        return assignment.equal(wiring)
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from None


class Program(NamedTuple):
    """A compiled epoch of one group."""

    run: Callable[[Learned, int], tuple[Learned, Measured]]
    seconds: float
    """That it took to compile."""


def compile_epoch(grid: Grid, group: Group) -> Program:
    """One epoch of learning and what it came to, all seeds of a group side by side."""
    config, data = grid.config, grid.data
    batch = config.training.batch

    def lane(sets: tuple[Examples, Examples], learned: Learned, key: PRNGKeyArray, epoch: Array) -> Any:
        train, test = sets
        learn_key, test_key = jax.random.split(jax.random.fold_in(key, epoch))
        now = epoch.astype(float)
        before = frozen(learned.model.wired(now), learned.memory)
        learned, metrics = learn_epoch(group.learner, learned, train, data.encode_train, learn_key, now, batch)
        network = frozen(learned.model.wired(now), learned.memory)
        knowledge = judged(learned.model, network, group.learner.loss, test, data.encode_test, test_key, batch)
        probe = data.encode_test(test.images[:batch], test_key)
        gains = {
            layer.layer: {
                channel: jnp.mean(network.projections[projection_name(layer.layer, channel)].gain)
                for channel in layer.channels
            }
            for layer in group.wiring
        }
        change = change_shares(before, network, group.wiring)
        return learned, Measured(metrics, knowledge, gains, change, current_shares(network, group.wiring, probe))

    arrays, static = eqx.partition(group.start, eqx.is_array)

    def all_lanes(sets: tuple[Examples, Examples], arrays: PyTree, epoch: Array) -> tuple[PyTree, Measured]:
        def one(arrays: PyTree, key: PRNGKeyArray) -> tuple[PyTree, Measured]:
            learned, measured = lane(sets, eqx.combine(arrays, static), key, epoch)
            return eqx.filter(learned, eqx.is_array), measured

        return over_lanes(one, len(group.seeds))(arrays, group.keys)

    sets = data.train, data.test
    began = time.perf_counter()
    compiled = jax.jit(all_lanes).lower(sets, arrays, jnp.zeros((), jnp.int32)).compile()
    seconds = time.perf_counter() - began

    def run(learned: Learned, epoch: int) -> tuple[Learned, Measured]:
        after, measured = compiled(sets, eqx.filter(learned, eqx.is_array), jnp.asarray(epoch, jnp.int32))
        return jax.block_until_ready((eqx.combine(after, static), measured))

    return Program(run, seconds)
