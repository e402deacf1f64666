"""Learning to classify: one pure step, an epoch as one scan over batches, and what a network knows by then."""

from collections.abc import Callable
from math import prod
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray, PyTree

from metaplast.learning.classifier import Answer, Classifier, Memory, first_memory, frozen, memory_after, traced
from metaplast.learning.parts import Experience, Part, either
from metaplast.models.layered import INPUT, OUTPUT
from metaplast.network import Network
from metaplast.neurons import Relay

Coding = Callable[[Array, PRNGKeyArray], Float[Array, "time batch *source"]]
"""(stored examples, key) -> input currents; augmentation belongs here too."""


class Examples(NamedTuple):
    """A data set as arrays: examples as they are stored, and their labels."""

    images: Array
    labels: Int[Array, " examples"]


class Learned(NamedTuple):
    """All that learning carries from batch to batch."""

    model: Classifier
    parts: dict[str, PyTree]
    """What each mechanism's learner remembers."""
    memory: Memory
    count: Int[Array, ""]
    """Batches so far."""


class EpochMetrics(NamedTuple):
    """Means over the batches of an epoch, while it was learned."""

    loss: Float[Array, ""]
    accuracy: Float[Array, ""]


class Knowledge(NamedTuple):
    """What a network makes of examples that it does not learn from."""

    loss: Float[Array, ""]
    accuracy: Float[Array, ""]
    rates: dict[str, Float[Array, ""]]
    """By layer: spikes a cell and step."""
    spikes: Float[Array, ""]
    """Spikes of all cells an example."""
    operations: Float[Array, ""]
    """Additions an example that spikes cause in the synapses behind them, channels merged into one weight."""
    products: Float[Array, ""]
    """Multiplications an example with values that are no spikes: those of an analogue input."""


class Classification(eqx.Module):
    """How a classifier learns: the learners of its mechanisms, the loss, and the clocks of its rules.

    The gradient of the loss runs back through the effective weights of all channels, and ends in what some part asks
    for: no learner sees, or moves, the parameters of another.
    """

    parts: tuple[Part, ...]
    loss: Callable[[Array, Array], Array] = eqx.field(static=True)
    every: dict[str, int] = eqx.field(static=True, default_factory=dict)
    """By plastic projection: batches between two that its rule remembers; 1 where nothing is said."""

    def begin(self, model: Classifier, batch: int, key: PRNGKeyArray | None = None) -> Learned:
        """Before the first batch, of so many examples; `key`, if not always the same, is for what learners draw."""
        key = jax.random.key(0) if key is None else key
        parts = {part.name: part.init(model, key) for part in self.parts}
        return Learned(model, parts, first_memory(model.network, batch), jnp.zeros((), jnp.int32))

    def step(
        self, learned: Learned, inputs: Float[Array, "time batch *source"], labels: Int[Array, " batch"], epoch: Array
    ) -> tuple[Learned, EpochMetrics]:
        """Learn one batch."""
        loss, answer, gradient = self._experienced(learned, inputs, labels, epoch)
        network = frozen(learned.model.wired(epoch), learned.memory)
        experience = Experience(inputs, labels, answer, gradient, network)
        model, states = learned.model, {}
        for part in self.parts:
            model, states[part.name] = part.on_time(model, learned.parts[part.name], experience, learned.count)
        memory = self._remembered(learned, answer)
        right = jnp.mean(answered(answer.scores, labels))
        return Learned(model, states, memory, learned.count + 1), EpochMetrics(loss, right)

    def _experienced(
        self, learned: Learned, inputs: Array, labels: Array, epoch: Array
    ) -> tuple[Array, Answer, PyTree]:
        """Loss, answer and gradient of a batch; no gradient if no part wants any."""
        model = learned.model
        margins = any(part.wants_margins() for part in self.parts)
        asked = either([part.wants_gradient(model) for part in self.parts]) if self.parts else False
        free, constant = eqx.partition(model, asked)

        def objective(free: PyTree) -> tuple[Array, Answer]:
            candidate = eqx.combine(free, constant)
            answer = candidate.answer(candidate.wired(epoch), inputs, learned.memory, margins=margins)
            return self.loss(answer.scores, labels), answer

        if not jax.tree.leaves(free):
            return *objective(free), None
        (loss, answer), gradient = jax.value_and_grad(objective, has_aux=True)(free)
        return loss, answer, gradient

    def _remembered(self, learned: Learned, answer: Answer) -> Memory:
        memory = memory_after(learned.model.network, answer.state, answer.scores.shape[0])
        for name, every in self.every.items():
            due = (learned.count + 1) % every == 0
            memory[name] = jax.tree.map(
                lambda new, old, due=due: jnp.where(due, new, old), memory[name], learned.memory[name]
            )
        return memory


def answered(scores: Float[Array, "batch classes"], labels: Int[Array, " batch"]) -> Bool[Array, " batch"]:
    """Whether the label has the largest score; scores that are not finite are no answer, whatever their argmax says."""
    return (jnp.argmax(scores, axis=-1) == labels) & jnp.all(jnp.isfinite(scores), axis=-1)


def learn_epoch(
    learner: Classification,
    learned: Learned,
    data: Examples,
    coding: Coding,
    key: PRNGKeyArray,
    epoch: Array,
    batch: int,
) -> tuple[Learned, EpochMetrics]:
    """One pass over shuffled examples in batches of equal size; those left over have their turn in another epoch."""
    order_key, coding_key = jax.random.split(key)
    batches = data.labels.shape[0] // batch
    order = jax.random.permutation(order_key, data.labels.shape[0])[: batches * batch].reshape(batches, batch)
    carried, static = eqx.partition(learned, eqx.is_array)

    def body(carried: PyTree, turn: tuple[Array, Array]) -> tuple[PyTree, EpochMetrics]:
        chosen, key = turn
        inputs = coding(data.images[chosen], key)
        after, metrics = learner.step(eqx.combine(carried, static), inputs, data.labels[chosen], epoch)
        return eqx.filter(after, eqx.is_array), metrics

    carried, metrics = jax.lax.scan(body, carried, (order, jax.random.split(coding_key, batches)))
    return eqx.combine(carried, static), jax.tree.map(jnp.mean, metrics)


def known(
    learner: Classification,
    learned: Learned,
    data: Examples,
    coding: Coding,
    key: PRNGKeyArray,
    epoch: Array,
    batch: int,
) -> Knowledge:
    """What the network, as plasticity has left it, makes of all examples."""
    network = learned.model.at_test(epoch, learned.memory)
    return judged(learned.model, network, learner.loss, data, coding, key, batch)


def judged(
    model: Classifier,
    network: Network,
    loss: Callable[[Array, Array], Array],
    data: Examples,
    coding: Coding,
    key: PRNGKeyArray,
    batch: int,
) -> Knowledge:
    """What a network without plasticity makes of all examples, batch after batch; the last may be partly empty."""
    examples = data.labels.shape[0]
    batches = -(-examples // batch)
    places = jnp.arange(batches * batch).reshape(batches, batch)

    def body(_: None, turn: tuple[Array, Array]) -> tuple[None, Knowledge]:
        chosen, key = turn
        there = (chosen < examples).astype(float)
        chosen = jnp.minimum(chosen, examples - 1)
        found = _judged_batch(model, network, loss, coding(data.images[chosen], key), data.labels[chosen], there)
        return None, found

    _, found = jax.lax.scan(body, None, (places, jax.random.split(key, batches)))
    return jax.tree.map(lambda sums: jnp.sum(sums) / examples, found)


def _judged_batch(
    model: Classifier,
    network: Network,
    loss: Callable[[Array, Array], Array],
    inputs: Array,
    labels: Array,
    there: Array,
) -> Knowledge:
    """Sums over the examples of a batch that are `there`."""
    trace = traced(network, inputs, model.steps)
    scores = model.scores(network, trace.membrane[-1])
    per_example = jax.vmap(lambda score, label: loss(score[None], label[None]))(scores, labels)
    right = answered(scores, labels).astype(float)
    sums = {name: jnp.sum(sent, axis=(0, *range(2, sent.ndim))) @ there for name, sent in trace.sent.items()}
    spiking = {name: sent for name, sent in trace.sent.items() if not _passes_on(network, name)}
    rates = {name: sums[name] / (sent[0, 0].size * sent.shape[0]) for name, sent in spiking.items()}
    reached = {name: sums[name] * fan_out(network, name) for name in spiking if name != OUTPUT}
    entering = fan_out(network, INPUT)
    counts = jnp.all(inputs == jnp.round(inputs))
    analogue = jnp.sum(inputs[0] != 0, axis=tuple(range(1, inputs.ndim - 1))) @ there
    return Knowledge(
        per_example @ there,
        right @ there,
        rates,
        sum((sums[name] for name in rates), jnp.zeros(())),
        sum(reached.values(), jnp.zeros(())) + jnp.where(counts, sums[INPUT] * entering, 0.0),
        # An analogue input is the same at every step, so its currents are formed once.
        jnp.where(counts, 0.0, analogue * entering),
    )


def fan_out(network: Network, source: str) -> float:
    """Synapses behind a cell of `source`, in the mean; parallel channels count as one.

    A pool has none of its own: a spike that it passes on counts in the synapses behind it.
    """
    shape, synapses = network.populations[source].shape, {}
    for name, projection in network.projections.items():
        if projection.source != source:
            continue
        if projection.weight is None:
            apply = lambda activity, p=projection: p.connection.apply(None, activity)  # noqa: E731
            passed = jax.eval_shape(apply, jnp.ones((1, *shape)))
            (read,) = jax.linear_transpose(apply, jnp.ones((1, *shape)))(jnp.ones(passed.shape))
            each = fan_out(network, projection.target) if _passes_on(network, projection.target) else 1.0
            synapses[name] = jnp.sum(read > 0) * each
        else:
            weight = jax.eval_shape(lambda p=projection: p.connection.existing(p.weight))
            synapses[projection.target] = jnp.sum(
                projection.connection.apply(jnp.ones(weight.shape), jnp.ones((1, *shape)))
            )
    return sum(synapses.values(), jnp.zeros(())) / prod(shape)  # pyright: ignore[reportReturnType]


def _passes_on(network: Network, name: str) -> bool:
    """Whether a population is no layer of cells: the input, or a pool."""
    return isinstance(network.populations[name].neuron, Relay)
