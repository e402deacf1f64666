"""The data set of a classification experiment, on the device and with its coding."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from metaplast.data import CODINGS, Augmentation, Binning, Dataset, Split, load
from metaplast.data.sequences import Transform, transform
from metaplast.experiments.classification.settings import ClassificationSettings
from metaplast.learning.classification import Coding, Examples

TaskCoding = Callable[..., Array]
"""(stored examples, key, task = 0) -> input currents, as they are in that task."""


class Data(NamedTuple):
    """What is learned and tested, and how it becomes currents."""

    name: str
    """Says whether it is a subset."""
    provenance: str
    """Says how many examples are used, and whether the test examples are held-out training examples."""
    train: Examples
    test: Examples
    shape: tuple[int, ...]
    """Of one example at one step."""
    classes: tuple[str, ...]
    encode_train: TaskCoding
    """With augmentation, before the examples become those of the task."""
    encode_test: TaskCoding
    events: bool
    """Whether examples are recordings of events."""
    values: Callable[[Array], Array]
    """From examples as they are stored to values from 0 to 1, or counts of events."""
    encode: Coding
    """From values to currents."""
    unseen: Examples
    """Test examples of classes that are held back; none unless the settings say so."""
    tasks: int
    """Learned one after the other; only the currents differ, the stored examples are those of all."""


def prepared(config: ClassificationSettings) -> Data:
    """The data of a configuration.

    Raises:
        ValueError: an unknown name, files that are not what they should be, or more examples than there are.
        FileNotFoundError: files that are not there.
    """
    settings, steps = config.data, config.network.steps
    binning = Binning(settings.frames or steps, settings.frame_milliseconds, settings.pool)
    whole = load(settings.name, settings.root, download=settings.download, binning=binning)
    if settings.validation:
        whole = with_validation(whole, settings.validation)
    whole, held_back = _held_back(whole, config.few_shot.unseen)
    chosen = _some(whole, settings.train, settings.test)
    coding = "events" if whole.events and settings.coding == "direct" else settings.coding
    if (coding == "events") != whole.events:
        raise ValueError(f"data.coding is {coding!r}, which does not suit {whole.name}; leave it out")
    change = Augmentation(settings.shift, settings.flip, settings.drop if whole.events else 0.0)

    # What is the same at every step is given once, and the network holds it.
    shown = 1 if coding == "direct" else steps
    values = partial(_unpacked, events=whole.events, most=settings.most)

    if settings.standard and coding != "direct":
        raise ValueError(f"data.standard is for the direct coding of images, not for {coding!r}; leave it out")
    scaled = standardised(chosen.train.inputs) if settings.standard else lambda values: values

    def encode(values: Array, key: PRNGKeyArray) -> Array:
        return CODINGS[coding](scaled(values), shown, key)

    seen = _transform(config, whole)

    def encode_test(stored: Array, key: PRNGKeyArray, task: Array | int = 0) -> Array:
        return encode(seen(values(stored), jnp.asarray(task)), key)

    def encode_train(stored: Array, key: PRNGKeyArray, task: Array | int = 0) -> Array:
        change_key, coding_key = jax.random.split(key)
        return encode(seen(change(values(stored), change_key), jnp.asarray(task)), coding_key)

    train, test, unseen = (_examples(split, whole.events) for split in (chosen.train, chosen.test, held_back))
    jax.eval_shape(encode_test, test.images[:1], jax.random.key(0))  # a wrong number of steps shows here
    if config.training.batch > len(chosen.train.labels):
        raise ValueError(f"training.batch is {config.training.batch}; there are {len(chosen.train.labels)} examples")
    shape = whole.shape[1:] if whole.events else whole.shape
    codings = encode_train, encode_test, whole.events, values, encode
    sequence = unseen, config.continual.tasks
    return Data(whole.name, chosen.provenance, train, test, shape, whole.classes, *codings, *sequence)


def standardised(images: Float[np.ndarray, "examples height width channels"]) -> Callable[[Array], Array]:
    """A change of values (0 to 1) after which each channel of these images has mean 0 and standard deviation 1.

    Images whose mean is far from 0 drive all cells of a network alike, beyond the reach of a surrogate gradient.
    """
    pixels = images.reshape(-1, images.shape[-1])
    # In float32 a sum no longer grows from some pixel on; a copy in float64 would take gigabytes.
    mean = pixels.mean(axis=0, dtype=np.float64)
    squared = np.einsum("pc,pc->c", pixels, pixels, dtype=np.float64, casting="unsafe") / len(pixels)
    deviation = np.sqrt(np.maximum(squared - mean**2, 0)).astype(np.float32)
    mean = mean.astype(np.float32)
    return lambda values: (values - mean) / np.maximum(deviation, 1e-6)


def _held_back(whole: Dataset, unseen: int) -> tuple[Dataset, Split]:
    """What is left without the last classes, and the test examples of these.

    Raises:
        ValueError: fewer than two classes would be left.
    """
    if not unseen:
        return whole, Split(whole.test.inputs[:0], whole.test.labels[:0])
    seen = len(whole.classes) - unseen
    if seen < 2:
        raise ValueError(f"few_shot.unseen is {unseen}; {whole.name} has {len(whole.classes)} classes, leave two")
    train, test = (Split(s.inputs[s.labels < seen], s.labels[s.labels < seen]) for s in (whole.train, whole.test))
    away = whole.test.labels >= seen
    held_back = Split(whole.test.inputs[away], whole.test.labels[away])
    told = f"{whole.provenance}; the last {unseen} of {len(whole.classes)} classes are held back"
    return Dataset(whole.name, train, test, whole.classes[:seen], told), held_back


def _transform(config: ClassificationSettings, whole: Dataset) -> Transform:
    """How values become those of a task.

    Raises:
        ValueError: a number of tasks that does not fit their kind, or recordings of events, which have no sequences.
    """
    settings = config.continual
    if settings.kind == "none":
        if settings.tasks > 1:
            raise ValueError(f"continual.tasks is {settings.tasks}; say with continual.kind how they differ")
        return lambda values, task: values
    if settings.tasks < 2:
        raise ValueError(f"continual.kind is {settings.kind!r}; give continual.tasks, at least 2")
    if whole.events:
        raise ValueError(f"continual.kind is {settings.kind!r}, which is for images; {whole.name} holds events")
    return transform(settings.kind, whole.shape, settings.tasks, largest=settings.largest, seed=settings.seed)


def with_validation(whole: Dataset, count: int) -> Dataset:
    """The last `count` training examples of a shuffle that is always the same, in the place of the test set.

    Raises:
        ValueError: as many as there are, or more.
    """
    examples = len(whole.train.labels)
    if count >= examples:
        raise ValueError(
            f"data.validation is {count}; {whole.name} has {examples} training examples, and some must stay to learn"
        )
    order = np.random.default_rng(1).permutation(examples)
    learned, held = (
        Split(whole.train.inputs[places], whole.train.labels[places])
        for places in (order[: examples - count], order[examples - count :])
    )
    told = f"{whole.provenance}; tested on {count:,} held-out training examples, the test set is not used"
    return Dataset(f"{whole.name}-held-out", learned, held, whole.classes, told)


def _some(whole: Dataset, train: int, test: int) -> Dataset:
    """The first examples of each split, in an order that mixes classes and is always the same.

    Raises:
        ValueError: more than there are.
    """
    order = np.random.default_rng(0)
    mixed = [
        Split(split.inputs[places], split.labels[places]) if count else split
        for split, count in ((whole.train, train), (whole.test, test))
        for places in [order.permutation(len(split.labels))]
    ]
    return Dataset(whole.name, mixed[0], mixed[1], whole.classes, whole.provenance).first(train, test)


def _examples(split: Split, events: bool) -> Examples:
    """On the device as bytes: images as 0 to 255, event counts as they are; a quarter of the memory."""
    stored = np.minimum(split.inputs, 255) if events else np.round(split.inputs * 255)
    return Examples(jnp.asarray(stored.astype(np.uint8)), jnp.asarray(split.labels))


def _unpacked(stored: Array, events: bool, most: int) -> Array:
    if not events:
        return stored.astype(float) / 255.0
    return (jnp.minimum(stored, most) if most else stored).astype(float)
