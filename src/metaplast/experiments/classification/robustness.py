"""What disturbances cost the networks of a finished classification run: every kind x level x condition x seed."""

from collections.abc import Callable
from functools import partial

import equinox as eqx
import jax
import jax.numpy as jnp
import tomli_w
from jaxtyping import Array, PRNGKeyArray

from metaplast.analysis.classification.robustness import (
    FILE,
    MERGED,
    SETTINGS,
    RobustnessRow,
    measured_with,
    read_robustness,
    write_robustness,
)
from metaplast.data.corruption import EVENT_CORRUPTIONS, IMAGE_CORRUPTIONS
from metaplast.experiments.classification.experiment import Grid, Group
from metaplast.experiments.classification.session import load_learned, of_seed
from metaplast.experiments.classification.settings import ClassificationSettings, RobustnessSettings
from metaplast.learning.classification import Examples, Learned, judged
from metaplast.models import merging
from metaplast.models.damage import DAMAGES, with_single_cells
from metaplast.network import Network
from metaplast.run_names import command_to_resume
from metaplast.runs import RunDirectory, write_atomically

LEVELS = range(7)
Told = Callable[[str, int, int], None]


def kinds_for(grid: Grid) -> list[str]:
    """Kinds of disturbances that suit the data: of images or of events, and of every network."""
    return [*(EVENT_CORRUPTIONS if grid.data.events else IMAGE_CORRUPTIONS), *DAMAGES]


def check_robustness(config: ClassificationSettings, directory: RunDirectory) -> None:
    """Refuse to complete what was measured on other examples; merged channels and single ones have the same.

    Raises:
        ValueError: there are rows that were made with another robustness.test.
    """
    there = [name for name, merged in ((FILE, False), (MERGED, True)) if read_robustness(directory, merged=merged)]
    asked, before = config.robustness.test, measured_with(directory).get("test", RobustnessSettings().test)
    if there and before != asked:
        raise ValueError(
            f"{directory.path} was disturbed with robustness.test = {before}, not {asked}; give the same, or remove "
            f"{', '.join(there)} and {SETTINGS} first"
        )


def check_merged(grid: Grid) -> None:
    """Refuse to sum what is no single synapse, if it is to be summed, before anything is measured.

    Raises:
        ValueError: parallel channels of a condition that cannot become one synapse.
    """
    if not grid.config.robustness.merged:
        return
    for group in grid.groups:
        try:
            eqx.filter_eval_shape(partial(_intact, grid.config), of_seed(group.start, 0))
        except ValueError as error:
            raise ValueError(
                f"conditions.{group.condition}: its channels cannot become one synapse: {error}; leave out "
                "robustness.merged, or analyse a run without this condition"
            ) from None


def measure_robustness(grid: Grid, directory: RunDirectory, told: Told) -> None:
    """Complete the rows of single or merged channels, and note the settings; what is there is not measured again.

    Raises:
        ValueError: a run that has not finished, rows that were made with other settings, or channels that cannot be
            merged.
    """
    merged = grid.config.robustness.merged
    if not directory.summary:
        raise ValueError(f"{directory.path} has not finished; go on with: {command_to_resume(directory.path)}")
    check_robustness(grid.config, directory)
    check_merged(grid)
    write_atomically(directory.path / SETTINGS, tomli_w.dumps({"test": grid.config.robustness.test}).encode())
    rows = read_robustness(directory, merged=merged)
    done = {(row.condition, row.seed) for row in rows}
    lanes = [(group, seed) for group in grid.groups for seed in group.seeds]
    told("robustness", len(done), len(lanes))
    programs: dict[str, Callable[[Learned, PRNGKeyArray], Array]] = {}
    for group, seed in lanes:
        if (group.condition, seed) in done:
            continue
        if group.condition not in programs:
            programs[group.condition] = _program(grid, group)
        learned = load_learned(directory, group, seed)
        # The same noise for all conditions of a seed, so that they are compared in pairs.
        found = jax.device_get(programs[group.condition](learned, jax.random.key(seed)))
        rows += [
            RobustnessRow(group.condition, seed, kind, level, float(found[place, level]))
            for place, kind in enumerate(kinds_for(grid))
            for level in LEVELS
        ]
        write_robustness(directory, rows, merged=merged)
        done.add((group.condition, seed))
        told("robustness", len(done), len(lanes))


def _intact(config: ClassificationSettings, learned: Learned) -> Network:
    """The network that is to be damaged, its channels as they are or merged."""
    now = jnp.asarray(config.total_epochs - 1, float)
    network = with_single_cells(learned.model.at_test(now, learned.memory))
    return merging.merged(network) if config.robustness.merged else network


def _program(grid: Grid, group: Group) -> Callable[[Learned, PRNGKeyArray], Array]:
    """(learned, key) -> accuracy [kinds, levels], one compiled program for all of them."""
    config, data, kinds = grid.config, grid.data, kinds_for(grid)
    count = config.robustness.test or data.test.labels.shape[0]
    test = jax.tree.map(lambda leaf: leaf[:count], data.test)
    corruptions = EVENT_CORRUPTIONS if data.events else IMAGE_CORRUPTIONS

    def accuracy(learned: Learned, kind: Array, level: Array, key: PRNGKeyArray, test: Examples) -> Array:
        network = _intact(config, learned)
        damage_key, test_key = jax.random.split(key)
        network = jax.lax.switch(kind, [_damaged(name, network, damage_key, level) for name in kinds])

        def coding(stored: Array, key: PRNGKeyArray) -> Array:
            noise_key, coding_key = jax.random.split(key)
            values = data.values(stored)
            changes = [
                lambda name=name: (
                    corruptions[name].change(values, noise_key, level * corruptions[name].step)
                    if name in corruptions
                    else values
                )
                for name in kinds
            ]
            return data.encode(jax.lax.switch(kind, changes), coding_key)

        model, batch = learned.model, config.training.batch
        return judged(model, network, group.learner.loss, test, coding, test_key, batch).accuracy

    @eqx.filter_jit
    def matrix(learned: Learned, key: PRNGKeyArray, test: Examples) -> Array:
        turns = jnp.stack(jnp.meshgrid(jnp.arange(len(kinds)), jnp.arange(len(LEVELS)), indexing="ij"), -1)
        one = lambda turn: accuracy(learned, turn[0], turn[1].astype(float), jax.random.fold_in(key, turn[0]), test)  # noqa: E731
        return jax.lax.map(one, turns.reshape(-1, 2)).reshape(len(kinds), len(LEVELS))

    return lambda learned, key: matrix(learned, key, test)


def _damaged(kind: str, network: Network, key: PRNGKeyArray, level: Array) -> Callable[[], Network]:
    if kind not in DAMAGES:
        return lambda: network
    return lambda: DAMAGES[kind].change(network, key, level * DAMAGES[kind].step)
