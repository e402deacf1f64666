"""The classification experiment: several mechanisms, alone and together, seeds side by side."""

import time
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, PRNGKeyArray, PyTree

from metaplast.allocation import assignment
from metaplast.config import component
from metaplast.experiments import classification_settings as settings
from metaplast.experiments.classification_data import Data, prepared
from metaplast.experiments.classification_learners import learner_of
from metaplast.experiments.classification_settings import ClassificationSettings
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
from metaplast.learning.lanes import Lanes
from metaplast.learning.shares import Shares, change_shares, current_shares
from metaplast.mechanism import Mechanism
from metaplast.models.layered import Cells, Channel, Wiring, layer_names, layered, projection_name
from metaplast.network import Network
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
    data = prepared(config)
    union = _union(config, data)
    batches = config.training.epochs * (len(data.train.labels) // config.training.batch)
    return Grid(config, data, tuple(_group(config, union, name, batches) for name in config.conditions))


def seeds_of(config: ClassificationSettings) -> tuple[int, ...]:
    """All seeds, the same for every condition."""
    return tuple(range(config.training.seed, config.training.seed + config.training.seeds))


def _seed_keys(config: ClassificationSettings) -> Array:
    return jnp.stack([jax.random.key(seed) for seed in seeds_of(config)])


def _union(config: ClassificationSettings, data: Data) -> Network:
    """A network with all channels in all layers, seeds on a leading axis: conditions take what they need of it.

    So a channel starts alike in all conditions, and the start is drawn and compiled once.
    """
    network = config.network
    cells = Cells(network.threshold, network.keep, component(SURROGATES, network.surrogate, "network.surrogate"))
    sizes = [data.shape, *network.hidden, len(data.classes)]
    channels = [_channel(name, channel) for name, channel in config.channels.items()]
    draw = lambda key: layered(key, sizes, [channels] * (len(sizes) - 1), cells=cells, dt=network.dt)  # noqa: E731
    return eqx.filter_jit(eqx.filter_vmap(draw))(_seed_keys(config))


def _group(config: ClassificationSettings, union: Network, name: str, batches: int) -> Group:
    seeds, keys = seeds_of(config), _seed_keys(config)
    chosen = channels_of(config, name)
    layers = layer_names(len(chosen))
    shape_of = {layer: union.populations[layer].shape for layer in layers}
    # In the order of names, which is the one in which a network holds its projections.
    wiring = tuple(
        Wiring(layer, tuple(sorted(names)), shape_of[layer]) for layer, names in zip(layers, chosen, strict=True)
    )
    learner = learner_of(config, name, wiring, batches)
    policy = assignment_of(config.conditions[name].assignment, wiring, f"conditions.{name}.assignment")
    names = [projection_name(layer.layer, channel) for layer in wiring for channel in layer.channels]
    strength = {
        projection_name(layer.layer, channel): strong_float(_strength(config.channels[channel]))
        for layer in wiring
        for channel in layer.channels
    }

    def begin(union: Network) -> Learned:
        network = Network(union.populations, {name: union.projections[name] for name in names}, union.dt)
        classifier = Classifier(network, policy, strength, config.network.steps, config.network.ceiling)
        return learner.begin(classifier, config.training.batch)

    start = eqx.filter_vmap(begin, out_axes=eqx.if_array(0))(union)
    return Group(name, seeds, wiring, learner, start, jax.vmap(lambda key: jax.random.fold_in(key, 1))(keys))


def channels_of(config: ClassificationSettings, condition: str) -> list[list[str]]:
    """Names of the channels of every layer."""
    chosen = config.conditions[condition]
    return [*([chosen.channels] * len(config.network.hidden)), chosen.readout or chosen.channels]


def _channel(name: str, channel: settings.AnyChannel) -> Channel:
    if not isinstance(channel, settings.RuleChannel):
        return Channel(name, channel.scale)

    def rule(source: tuple[int, ...], target: tuple[int, ...], key: PRNGKeyArray) -> Mechanism:
        mechanism = component(PLASTICITY, channel.plasticity, f"channels.{name}.plasticity")
        wide = {**dict.fromkeys(channel.per_source, source), **dict.fromkeys(channel.per_target, target)}
        for place, (field, shape) in enumerate(wide.items()):
            if field not in {one.name for one in fields(mechanism)}:
                known = ", ".join(one.name for one in fields(mechanism))
                raise ValueError(f"channels.{name}: {field!r} is no coefficient of the rule; there are: {known}")
            drawn = getattr(mechanism, field) * jax.random.uniform(jax.random.fold_in(key, place), shape)
            mechanism = eqx.tree_at(lambda m, field=field: getattr(m, field), mechanism, drawn)
        return mechanism

    return Channel(name, channel.scale, rule)


def _strength(channel: settings.AnyChannel) -> float:
    return channel.strength if isinstance(channel, settings.RuleChannel) else 1.0


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
                return assignment.softmax(wiring, policy.mean)
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
        return learned, Measured(
            metrics, knowledge, gains, change, current_shares(network, group.wiring, probe, config.network.steps)
        )

    arrays, static = eqx.partition(group.start, eqx.is_array)

    def one(
        sets: tuple[Examples, Examples], arrays: PyTree, key: PRNGKeyArray, epoch: Array
    ) -> tuple[PyTree, Measured]:
        learned, measured = lane(sets, eqx.combine(arrays, static), key, epoch)
        return eqx.filter(learned, eqx.is_array), measured

    # The data are shared by all lanes: inside the function, but no constants of the program.
    lanes = Lanes(eqx.Partial(one, (data.train, data.test)), len(group.seeds))
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
