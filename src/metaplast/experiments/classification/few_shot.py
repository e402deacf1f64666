"""What the networks of a run make of classes that they have never seen, from a few examples of each."""

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, PRNGKeyArray

from metaplast.analysis.classification.few_shot import PIXELS, FewShotRow, read_few_shot, write_few_shot
from metaplast.experiments.classification.experiment import Grid, Group
from metaplast.learning.classification import Learned
from metaplast.learning.classifier import Memory, frozen, memory_after, plastic_names, traced
from metaplast.learning.few_shot import READOUTS, Episodes, draw_episodes, nearest_scores
from metaplast.learning.thresholds import held
from metaplast.models.folding import folded
from metaplast.network import Network
from metaplast.runs import RunDirectory

Load = Callable[[RunDirectory, Group, int], Learned]


def episodes_of(grid: Grid, seed: int) -> Episodes:
    """The episodes of a seed, the same for all conditions."""
    settings = grid.config.few_shot
    return draw_episodes(
        np.asarray(grid.data.unseen.labels),
        np.random.default_rng(seed),
        episodes=settings.episodes,
        ways=settings.ways,
        shots=settings.shots,
        queries=settings.queries,
    )


def measure_few_shot(grid: Grid, directory: RunDirectory, load: Load) -> None:
    """Complete analysis/few_shot.csv; what is there already is not measured again."""
    rows = read_few_shot(directory)
    done = {(row.condition, row.seed) for row in rows}
    for group in grid.groups:
        program = _program(grid, group)
        for seed in group.seeds:
            if (group.condition, seed) in done:
                continue
            support, query = episodes_of(grid, seed)
            images = grid.data.unseen.images
            key = jax.random.fold_in(jax.random.key(seed), 2)
            found = program(load(directory, group, seed), images, jnp.asarray(support), jnp.asarray(query), key)
            rows += [
                FewShotRow(group.condition, seed, readout, episode, float(accuracy))
                for readout, accuracies in jax.device_get(found).items()
                for episode, accuracy in enumerate(accuracies)
            ]
            write_few_shot(directory, rows)


def _program(grid: Grid, group: Group) -> Callable[..., dict[str, Array]]:
    """(learned, images, support, query, key) -> accuracy in every episode, by readout."""
    settings, data, ways = grid.config.few_shot, grid.data, grid.config.few_shot.ways
    now = jnp.asarray(grid.config.total_epochs - 1, float)
    shown, asked = (jnp.repeat(jnp.arange(ways), count) for count in (settings.shots, settings.queries))

    def features(learned: Learned, support: Array, query: Array, key: PRNGKeyArray) -> tuple[Array, Array]:
        """Rates of the last hidden layer; the slow weights stay, and Hebbian traces of hidden layers may go on."""
        memory = learned.memory
        network = held(folded(learned.model.wired(now), learned.model.moments), memory)
        inputs = data.encode_test(support, key)
        if settings.hidden and plastic_names(network):
            answer = learned.model.answer(network, inputs, _for_batch(network, memory, support.shape[0]))
            memory = memory_after(network, answer.state, support.shape[0])
        network, layer = frozen(network, memory), group.wiring[-2].layer
        asked_inputs = data.encode_test(query, jax.random.fold_in(key, 1))
        rates = [
            jnp.mean(traced(network, each, learned.model.steps).sent[layer], axis=0) for each in (inputs, asked_inputs)
        ]
        return rates[0].reshape(len(support), -1), rates[1].reshape(len(query), -1)

    def episode(learned: Learned, images: Array, turn: tuple[Array, Array], key: PRNGKeyArray) -> dict[str, Array]:
        support, query = (images[places] for places in turn)
        ours = features(learned, support, query, key)
        pixels = [data.values(each).reshape(len(each), -1) for each in (support, query)]
        scores = {name: READOUTS[name](ours[0], shown, ours[1], ways) for name in settings.readouts}
        scores[PIXELS] = nearest_scores(pixels[0], shown, pixels[1], ways)
        return {name: jnp.mean(jnp.argmax(found, -1) == asked) for name, found in scores.items()}

    @eqx.filter_jit
    def program(learned: Learned, images: Array, support: Array, query: Array, key: PRNGKeyArray) -> dict[str, Array]:
        return jax.lax.map(lambda turn: episode(learned, images, turn, key), (support, query))

    return program


def _for_batch(network: Network, memory: Memory, batch: int) -> Memory:
    """What is remembered, for a batch of another size: traces stay, what belongs to single examples begins anew."""
    fresh = network.init(batch, key=jax.random.key(0)).projections
    return {
        name: jax.tree.map(
            lambda new, old: old if new.shape == old.shape else new, fresh[name].plasticity, memory[name]
        )
        for name in plastic_names(network)
    }
