"""A classification run on disk: it writes what it has finished at once, and goes on where it was killed."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import equinox as eqx
import jax
import numpy as np
from jaxtyping import PyTree

from metaplast.analysis.classification.epochs import EpochRow, contest, read_epochs, summarised, write_epochs
from metaplast.analysis.classification.sequence import transfers, write_sequence
from metaplast.event_files import Scalar, event_file
from metaplast.experiments.beginnings import begin, finish
from metaplast.experiments.classification.contributions import contributions
from metaplast.experiments.classification.epoch import Measured, Program, compile_epoch
from metaplast.experiments.classification.experiment import Grid, Group
from metaplast.experiments.classification.few_shot import measure_few_shot
from metaplast.experiments.states import Mismatch, load_progress, load_state, save_state
from metaplast.learning.classification import Learned
from metaplast.params import named_arrays
from metaplast.run_names import END, contribution_name, network_name
from metaplast.runs import RunDirectory, write_atomically

CHECKPOINT = "checkpoint"


class Progress(NamedTuple):
    """What a run tells while it runs."""

    done: int
    """Epochs finished, over all conditions."""
    total: int
    condition: str
    epoch: int
    """Epochs finished in this condition."""
    accuracy: float
    """Test accuracy, mean over seeds (and tasks); NaN before the first epoch."""
    speed: float
    """Training examples a second, all seeds together; NaN before the first epoch."""


def run(grid: Grid, directory: RunDirectory, told: Callable[[Progress], None], *, resume: bool = False) -> None:
    """Learn all conditions, one after the other, and write what came of it."""
    meta = begin(directory, grid.config, grid.config.training.seed, resume=resume, data=data_told(grid))
    for group, program in _compiled_ahead(grid, directory):
        _learn(grid, group, program, directory, told)
    if grid.data.tasks > 1:
        write_sequence(directory)
    if grid.config.few_shot.unseen:
        measure_few_shot(grid, directory, load_learned)
    directory.write_summary(_summary(grid, directory))
    finish(directory, meta)


def data_told(grid: Grid) -> dict[str, Any]:
    """What meta.json says of the data: what was really there and used, whatever the configuration asked for."""
    data = grid.data
    counts = {"train": len(data.train.labels), "test": len(data.test.labels)}
    return {"name": data.name, "provenance": data.provenance} | counts


def _compiled_ahead(grid: Grid, directory: RunDirectory) -> Iterator[tuple[Group, Callable[[], Program]]]:
    """Conditions whose networks are not saved yet, each with its program: one is compiled while another learns."""
    saved = lambda group, seed: directory.has_arrays(network_name(group.condition, seed, END))  # noqa: E731
    left = [group for group in grid.groups if not all(saved(group, seed) for seed in group.seeds)]
    pool = ThreadPoolExecutor(1)
    try:
        ahead = pool.submit(compile_epoch, grid, left[0]) if left else None
        for place, group in enumerate(left):
            now, ahead = ahead, pool.submit(compile_epoch, grid, left[place + 1]) if place + 1 < len(left) else None
            yield group, now.result  # pyright: ignore[reportOptionalMemberAccess]
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _learn(
    grid: Grid,
    group: Group,
    compiled: Callable[[], Program],
    directory: RunDirectory,
    told: Callable[[Progress], None],
) -> None:
    """All epochs of a condition, from its checkpoint if there is one."""
    epochs, place = grid.config.total_epochs, list(grid.config.conditions).index(group.condition)
    learned, done = group.start, 0
    if directory.has_arrays(CHECKPOINT):
        arrays, static = eqx.partition(learned, eqx.is_array)
        progress = load_progress(directory, CHECKPOINT)
        if progress["condition"] == place:
            arrays, progress = load_state(directory, CHECKPOINT, arrays)
            learned, done = eqx.combine(arrays, static), int(progress["done"])
    rows = [row for row in read_epochs(directory).rows if row.condition != group.condition or row.epoch <= done]
    before = place * epochs
    tell = lambda done, accuracy, speed: told(  # noqa: E731
        Progress(before + done, len(grid.groups) * epochs, group.condition, done, accuracy, speed)
    )
    tell(done, float("nan"), float("nan"))
    program = compiled() if done < epochs else None
    while program is not None and done < epochs:
        start = time.perf_counter()
        learned, measured = program.run(learned, done)
        seconds = time.perf_counter() - start
        done += 1
        rows += rows_of(group, done, measured, seconds)
        write_epochs(directory, rows)
        write_events(directory, group, rows)
        arrays = eqx.filter(learned, eqx.is_array)
        save_state(directory, CHECKPOINT, arrays, condition=place, done=done)
        examples = grid.data.train.labels.shape[0] * len(group.seeds)
        tell(done, float(np.mean(measured.test.accuracy)), examples / seconds)
    _write_contributions(grid, directory, group, learned)
    _write_networks(directory, group, learned)  # last: it says that the condition is done


def rows_of(group: Group, epoch: int, measured: Measured, seconds: float) -> list[EpochRow]:
    """Rows of epochs.csv of one epoch, seed by seed."""
    measured = jax.tree.map(np.asarray, measured)
    columns = dict(_columns(measured))
    return [
        EpochRow(
            group.condition,
            seed,
            epoch,
            {name: float(values[place]) for name, values in columns.items()} | {"seconds": seconds},
        )
        for place, seed in enumerate(group.seeds)
    ]


def _columns(measured: Measured) -> Iterator[tuple[str, Any]]:
    """Every column with its values by seed."""
    test = measured.test
    yield from (("loss", measured.training.loss), ("accuracy", measured.training.accuracy))
    yield from (("test_loss", test.loss), ("test_accuracy", test.accuracy))
    yield from (("spikes", test.spikes), ("operations", test.operations), ("products", test.products))
    yield from ((f"rate.{layer}", values) for layer, values in test.rates.items())
    yield from ((f"threshold.{layer}", values) for layer, values in measured.thresholds.items())
    if measured.tasks.shape[-1] > 1:
        for kind, accuracy in (("task", measured.tasks), ("start", measured.start)):
            yield from ((f"{kind}.{place + 1}", values) for place, values in enumerate(accuracy.T))
    for kind in ("gain", "change", "current"):
        table = getattr(measured, "gains" if kind == "gain" else kind)
        for layer, channels in table.items():
            yield from ((f"{kind}.{layer}.{channel}", values) for channel, values in channels.items())


def write_events(directory: RunDirectory, group: Group, rows: list[EpochRow]) -> None:
    """events/<condition>-seed<seed>/events.out.tfevents.metaplast: the curves of a network, for TensorBoard."""
    for seed in group.seeds:
        own = [row for row in rows if (row.condition, row.seed) == (group.condition, seed)]
        scalars = [
            Scalar(name.replace(".", "/"), row.epoch, value) for row in own for name, value in row.values.items()
        ]
        place = directory.path / "events" / f"{group.condition}-seed{seed}" / "events.out.tfevents.metaplast"
        write_atomically(place, event_file(scalars))


def of_seed(learned: Learned, place: int) -> Learned:
    """What one seed of a group has learned."""
    return jax.tree.map(lambda leaf: leaf[place] if eqx.is_array(leaf) else leaf, learned)


def saved_arrays(learned: PyTree) -> dict[str, Any]:
    """What is saved of a network: its parameters, and what its plasticity remembers."""
    return named_arrays({"model": learned.model, "memory": learned.memory})


def load_learned(directory: RunDirectory, group: Group, seed: int) -> Learned:
    """What one network had learned at its end.

    Raises:
        Mismatch: what was saved does not fit the configuration.
    """
    template = of_seed(group.start, group.seeds.index(seed))
    arrays, rest = eqx.partition({"model": template.model, "memory": template.memory}, eqx.is_array)
    saved, wanted = directory.read_arrays(network_name(group.condition, seed, END)), named_arrays(arrays)
    if {name: array.shape for name, array in saved.items()} != {name: leaf.shape for name, leaf in wanted.items()}:
        raise Mismatch(
            f"{directory.path}: the network of {group.condition}, seed {seed}, does not fit the configuration, or an "
            "earlier version saved it; run it anew"
        )
    values = jax.tree.unflatten(jax.tree.structure(arrays), [jax.numpy.asarray(saved[name]) for name in wanted])
    found = eqx.combine(values, rest)
    return template._replace(model=found["model"], memory=found["memory"])


def _write_contributions(grid: Grid, directory: RunDirectory, group: Group, learned: Learned) -> None:
    """What each channel contributes, of the first seed, where there are several."""
    if len({channel for layer in group.wiring for channel in layer.channels}) > 1:
        seed = group.seeds[0]
        arrays = contributions(grid, group, of_seed(learned, 0), seed)
        directory.write_arrays(contribution_name(group.condition, seed), arrays)


def _write_networks(directory: RunDirectory, group: Group, learned: Learned) -> None:
    for place, seed in enumerate(group.seeds):
        directory.write_arrays(network_name(group.condition, seed, END), saved_arrays(of_seed(learned, place)))


def _summary(grid: Grid, directory: RunDirectory) -> dict[str, Any]:
    """Numbers by condition, and what all mechanisms together gain over the best single one."""
    table = read_epochs(directory)
    outcomes = {name: summarised(table, name) for name in table.conditions()}
    found: dict[str, Any] = {"conditions": outcomes}
    conditions = {name: grid.config.condition(name) for name in grid.config.conditions}
    sizes = {name: len(set(condition.channels)) for name, condition in conditions.items()}
    most = [name for name in sizes if sizes[name] == max(sizes.values())]
    singles = [name for name in sizes if conditions[name].single]
    found["contests"] = [one for name in most if (one := contest(table, singles, name)) is not None]
    if grid.data.tasks > 1:
        found["sequence"] = transfers(directory)
    found["seconds"] = sum(numbers.seconds for numbers in outcomes.values())
    return found
