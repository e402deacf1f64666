"""The classification experiment: several mechanisms, alone and together, seeds side by side."""

from dataclasses import dataclass

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, PRNGKeyArray

from metaplast.allocation import assignment
from metaplast.experiments.classification import assignment_settings, settings
from metaplast.experiments.classification.data import Data, prepared
from metaplast.experiments.classification.learners import learner_of
from metaplast.experiments.classification.networks import union
from metaplast.experiments.classification.settings import ClassificationSettings
from metaplast.learning.classification import Classification, Learned
from metaplast.learning.classifier import Classifier
from metaplast.learning.few_shot import draw_episodes
from metaplast.learning.settled import unsettled
from metaplast.learning.thresholds import with_homeostasis
from metaplast.models.layered import OUTPUT, Wiring, layer_names, projection_name
from metaplast.network import Network
from metaplast.params import strong_float


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
    if config.few_shot.unseen:
        check_few_shot(config, data)
    return grid_of(config, data, _seed_keys(config))


def grid_of(config: ClassificationSettings, data: Data, keys: Array) -> Grid:
    """All conditions on given data, with a key for every seed.

    Raises:
        ValueError: a value that does not fit.
    """
    whole = union(config, data, keys)
    batches = config.total_epochs * (len(data.train.labels) // config.training.batch)
    return Grid(config, data, tuple(_group(config, whole, name, batches, keys) for name in config.conditions))


def check_few_shot(config: ClassificationSettings, data: Data) -> None:
    """Refuse episodes that could not be drawn or read out, before anything is learned.

    Raises:
        ValueError: too few classes or examples, no hidden layer, or a sequence of tasks besides.
    """
    if not config.network.hidden or config.continual.kind != "none":
        raise ValueError("few_shot.unseen needs a layer in network.hidden, and continual.kind none")
    few = config.few_shot
    drawn = {"episodes": 1, "ways": few.ways, "shots": few.shots, "queries": few.queries}
    draw_episodes(np.asarray(data.unseen.labels), np.random.default_rng(0), **drawn)


def seeds_of(config: ClassificationSettings) -> tuple[int, ...]:
    """All seeds, the same for every condition."""
    return tuple(range(config.training.seed, config.training.seed + config.training.seeds))


def _seed_keys(config: ClassificationSettings) -> Array:
    return jnp.stack([jax.random.key(seed) for seed in seeds_of(config)])


def _group(config: ClassificationSettings, whole: Network, name: str, batches: int, keys: Array) -> Group:
    seeds = seeds_of(config)
    chosen = channels_of(config, name)
    layers = layer_names(len(chosen))
    shape_of = {layer: whole.populations[layer].shape for layer in layers}
    # In the order of names, which is the one in which a network holds its projections.
    wiring = tuple(
        Wiring(layer, tuple(sorted(names)), shape_of[layer]) for layer, names in zip(layers, chosen, strict=True)
    )
    learner = learner_of(config, name, wiring, batches, whole)
    policy = assignment_of(config.condition(name).assignment, wiring, f"conditions.{name}.assignment")
    names = [projection_name(layer.layer, channel) for layer in wiring for channel in layer.channels]
    strength = {
        projection_name(layer.layer, channel): strong_float(_strength(config.channels[channel]))
        for layer in wiring
        for channel in layer.channels
    }

    channels = {projection_name(layer, channel) for layer in layers for channel in config.channels}
    beside = [name for name in whole.projections if name not in channels]  # pools and shortcuts

    homeostasis, hidden = config.condition(name).homeostasis, layers[:-1]
    if homeostasis and not hidden:
        raise ValueError(f"conditions.{name}.homeostasis: there is no hidden layer; give network.hidden one")

    def begin(whole: Network, key: PRNGKeyArray) -> Learned:
        projections = {name: whole.projections[name] for name in (*names, *beside)}
        populations = whole.populations
        if homeostasis:
            populations = with_homeostasis(populations, hidden, homeostasis.target, homeostasis.rate)
        network = Network(populations, projections, whole.dt)
        steps, ceiling = config.network.steps, config.network.ceiling
        classifier = Classifier(network, policy, strength, steps, ceiling, unsettled(network))
        return learner.begin(classifier, config.training.batch, key)

    drawn, run = (jax.vmap(lambda key, use=use: jax.random.fold_in(key, use))(keys) for use in (2, 1))
    start = eqx.filter_vmap(begin, out_axes=eqx.if_array(0))(whole, drawn)
    return Group(name, seeds, wiring, learner, start, run)


def channels_of(config: ClassificationSettings, condition: str) -> list[list[str]]:
    """Names of the channels of every layer.

    Raises:
        ValueError: a layer that there is not.
    """
    chosen = config.condition(condition)
    layers = layer_names(config.network.layers)
    others = ({OUTPUT: chosen.readout} if chosen.readout else {}) | chosen.layers
    for layer in chosen.layers:
        if layer not in layers:
            raise ValueError(f"conditions.{condition}.layers: no layer {layer!r}; there are: {', '.join(layers)}")
    return [others.get(layer, chosen.channels) for layer in layers]


def _strength(channel: settings.AnyChannel) -> float:
    return channel.strength if isinstance(channel, settings.RuleChannel) else 1.0


def assignment_of(
    policy: assignment_settings.AnyAssignment, wiring: tuple[Wiring, ...], where: str
) -> assignment.Assignment:
    """The policy that a configuration names.

    Raises:
        ValueError: a gain for a layer or channel that there is not.
    """
    try:
        match policy:
            case assignment_settings.FixedSettings():
                return assignment.fixed(wiring, policy.gains)
            case assignment_settings.SoftmaxSettings():
                return assignment.softmax(wiring, policy.mean)
            case assignment_settings.FreeSettings():
                return assignment.free(wiring, policy.gains)
            case assignment_settings.PerNeuronSettings():
                return assignment.per_neuron(wiring)
            case assignment_settings.ScheduledSettings():
                return assignment.scheduled(wiring, policy.start, policy.end, policy.epochs)
        return assignment.equal(wiring)
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from None
