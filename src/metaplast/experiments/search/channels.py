"""The slow level of classification: which channels should act in which layer."""

import jax
import jax.numpy as jnp
import msgspec
import numpy as np

from metaplast.allocation import SEARCHES, Relaxed, Space
from metaplast.config import component
from metaplast.experiments.classification.assignment_settings import EqualSettings
from metaplast.experiments.classification.data import Data, prepared
from metaplast.experiments.classification.experiment import grid_of
from metaplast.experiments.classification.settings import Condition, SelfBackpropagationChannel
from metaplast.experiments.search.channel_pilot import ChannelStudy
from metaplast.experiments.search.channel_settings import ChannelSearch, with_gains
from metaplast.learning.classification import Examples
from metaplast.models.layered import layer_names, projection_name

PILOT = 2
"""Stream of random numbers of pilot networks; runs use others."""
EVERYTHING = "everything"
"""Condition with all channels in all layers, of which masks take away."""


def build(config: ChannelSearch) -> ChannelStudy:
    """The search, its space and the pilot networks of a configuration.

    Raises:
        ValueError: a value that does not fit.
        FileNotFoundError: the data are not there.
    """
    if config.network.kind != "dense":
        raise ValueError(f"network.kind is {config.network.kind!r}; a search for channels takes dense networks only")
    config, search = with_gains(config), component(SEARCHES, config.search, "search")
    if isinstance(search, Relaxed):
        there = ", ".join(name for name, kind in SEARCHES.items() if kind is not Relaxed)
        raise ValueError(f"search.name: relaxed gates learning rates, not channels; there are: {there}")
    if unknown := [name for name in config.pilot.channels if name not in config.channels]:
        raise ValueError(f"pilot.channels: no channel {unknown[0]!r}; there are: {', '.join(config.channels)}")
    if len(set(config.pilot.channels)) < max(len(config.pilot.channels), 1):
        raise ValueError(f"pilot.channels is {config.pilot.channels}; name at least one channel, and each once")
    layers = layer_names(len(config.network.hidden) + 1)
    projections = projections_of(config, layers)
    needed = tuple(
        tuple(name for name, members in projections.items() if any(one.startswith(f"{layer}-") for one in members))
        for layer in layers
    )
    patterns = {name: tuple(f"network.projections.{one}.*" for one in names) for name, names in projections.items()}
    space = Space(patterns, needed=needed)
    search.check(space)
    pilot = msgspec.structs.replace(
        config,
        conditions={
            EVERYTHING: Condition(list(config.pilot.channels), assignment=config.pilot.assignment or EqualSettings())
        },
        training=msgspec.structs.replace(config.training, seed=config.pilot.seed, seeds=config.pilot.seeds),
    )
    seeds = range(config.pilot.seed, config.pilot.seed + config.pilot.seeds)
    keys = jnp.stack([jax.random.fold_in(jax.random.key(seed), PILOT) for seed in seeds])
    return ChannelStudy(config, search, space, projections, grid_of(pilot, pilot_data(config), keys))


def projections_of(config: ChannelSearch, layers: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    """What a mask chooses from: projections by name (`hidden1.stbp`); a channel that settles by itself is one."""
    found: dict[str, tuple[str, ...]] = {}
    for layer in layers:
        for name in config.pilot.channels:
            channel = config.channels[name]
            whole = isinstance(channel, SelfBackpropagationChannel) and not channel.warm
            group = name if whole else f"{layer}.{name}"
            found[group] = (*found.get(group, ()), projection_name(layer, name))
    return found


def pilot_data(config: ChannelSearch) -> Data:
    """The training examples, divided into what pilot networks learn and what they are compared on.

    Raises:
        ValueError: fewer examples than a batch, or than are asked for.
    """
    data, pilot = prepared(config), config.pilot
    count = len(data.train.labels)
    order = np.random.default_rng(PILOT).permutation(count)
    held_out = max(1, round(pilot.held_out * count))
    left = count - held_out
    if pilot.train > left:
        raise ValueError(f"pilot.train is {pilot.train}; pilot.held_out leaves {left} of {count} training examples")
    learned = order[held_out:][: pilot.train or left]
    if len(learned) < config.training.batch:
        raise ValueError(f"training.batch is {config.training.batch}; pilot networks learn {len(learned)} examples")
    return data._replace(train=_at(data.train, learned), test=_at(data.train, order[:held_out]))


def _at(examples: Examples, places: np.ndarray) -> Examples:
    return Examples(examples.images[places], examples.labels[places])
