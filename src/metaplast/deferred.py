"""The gradient of a block without plastic weights: whatever time shares is differentiated after the backward scan.

Inside the backward scan only cotangents travel from step to step. The update of the cells is linearised beforehand
for all steps at once; the gradients of recurrent weights are one contraction over time and batch afterwards, those of
time constants and thresholds one vectorised pass. Plain autodiff would form all of them step by step.
"""

from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, PyTree

from metaplast.network import NetworkState, Population, PopulationState, Projection
from metaplast.stepping import Block, External, Trace, flat, step, update


class Learned(NamedTuple):
    """Everything that is differentiated: the arrays of floats."""

    populations: dict[str, Population]
    projections: dict[str, Projection]
    state: NetworkState
    external: External


def run_deferred(
    block: Block, state: NetworkState, external: External, record: PyTree
) -> tuple[NetworkState, NetworkState]:
    """As `stepping.run`, with the gradient taken as above; it cannot be differentiated in forward mode."""
    everything = Learned(block.populations, block.projections, state, external)
    learned, rest = eqx.partition(everything, eqx.is_inexact_array)
    arrays, static = eqx.partition(rest, eqx.is_array)

    def assemble(learned: Learned, arrays: PyTree) -> Learned:
        return eqx.combine(learned, arrays, static)

    def traced(learned: Learned, arrays: PyTree) -> tuple[NetworkState, NetworkState, Trace]:
        populations, projections, state, external = assemble(learned, arrays)
        now = Block(populations, projections, block.order, block.dt)

        def body(state: NetworkState, external: External) -> tuple[NetworkState, tuple[NetworkState, Trace]]:
            state, trace = step(now, state, external, lambda name, *args: update(populations[name], *args, block.dt))
            return state, (eqx.filter(state, record), trace)

        final, (recorded, trace) = jax.lax.scan(body, state, external)
        return final, recorded, trace

    @jax.custom_vjp
    def core(learned: Learned, arrays: PyTree) -> tuple[NetworkState, NetworkState]:
        final, recorded, _ = traced(learned, arrays)
        return final, recorded

    def forward(learned: Learned, arrays: PyTree) -> tuple[Any, Any]:
        final, recorded, trace = traced(learned, arrays)
        return (final, recorded), (trace._replace(current=learned.external.current | trace.current), learned, arrays)

    def backward(residuals: Any, cotangents: Any) -> tuple[Learned, None]:
        trace, learned, arrays = residuals
        whole = assemble(learned, arrays)
        now = Block(whole.populations, whole.projections, block.order, block.dt)
        travelled = _backward_scan(now, whole, trace, *_inexact(cotangents))
        return _gradients(now, learned, trace, travelled), None

    core.defvjp(forward, backward)
    return core(learned, arrays)


class Travelled(NamedTuple):
    """Cotangents that the backward scan found."""

    state: NetworkState
    """Of the initial state."""
    external: External
    """Of what entered, at every step; that of a current is also the one of the total current of its population."""
    after: dict[str, PopulationState]
    """Of the state that the update of every population gave, at every step."""


def _inexact(tree: PyTree) -> PyTree:
    """Without the cotangents of counters and random keys, which are empty."""
    return jax.tree.map(lambda leaf: leaf if eqx.is_inexact_array(leaf) else None, tree)


def _linearised(block: Block, before: dict[str, PopulationState], current: dict[str, Array]) -> dict[str, Any]:
    """For every population, the pullback of its update at one step."""

    def linearise(population: Population, before: PopulationState, current: Array) -> Any:
        floats, others = eqx.partition(before, eqx.is_inexact_array)

        def of_floats(floats: PopulationState, current: Array) -> PopulationState:
            after = update(population, eqx.combine(floats, others), current, block.dt)
            return eqx.filter(after, eqx.is_inexact_array)

        return jax.vjp(of_floats, floats, current)[1]

    return {name: linearise(block.populations[name], before[name], current[name]) for name in block.order}


@jax.custom_vjp
def _recall(after: PyTree, pull: Any, before: PyTree, current: Array) -> PyTree:
    """The known result of an update; its derivative is the pullback that was computed beforehand."""
    return after


_recall.defvjp(
    lambda after, pull, before, current: (after, pull),
    lambda pull, cotangent: (cotangent, None, *pull(cotangent)),
)


def _backward_scan(
    block: Block, whole: Learned, trace: Trace, final: NetworkState, recorded: NetworkState
) -> Travelled:
    """Carry the cotangents from the last step to the first."""
    state_floats, state_others = eqx.partition(whole.state, eqx.is_inexact_array)

    def body(carried: NetworkState, now: Any) -> tuple[NetworkState, Any]:
        cotangent, before, current, external = now
        pulls = _linearised(block, before, current)
        carried = jax.tree.map(_plus, carried, cotangent, is_leaf=lambda leaf: leaf is None)
        populations = {name: eqx.filter(state, eqx.is_inexact_array) for name, state in before.items()}
        silent = {name: jax.tree.map(jnp.zeros_like, state) for name, state in populations.items()}

        def linear(state: NetworkState, external: External, after: dict[str, PopulationState]) -> NetworkState:
            def recall(name: str, before: PopulationState, current: Array) -> PopulationState:
                floats = eqx.filter(before, eqx.is_inexact_array)
                known = _recall(after[name], pulls[name], floats, current)
                return eqx.combine(known, before)

            whole_state = eqx.combine(state, state_others)
            return eqx.filter(step(block, whole_state, external, recall)[0], eqx.is_inexact_array)

        start = NetworkState(populations, state_floats.projections)
        _, pull = jax.vjp(linear, start, external, silent)
        carried, entered, after = pull(carried)
        return carried, (entered, after)

    xs = (recorded, trace.before, trace.current, whole.external)
    start, (entered, after) = jax.lax.scan(body, final, xs, reverse=True)
    return Travelled(start, entered, after)


def _plus(left: Any, right: Any) -> Any:
    return left if right is None else left + right


def _gradients(block: Block, learned: Learned, trace: Trace, travelled: Travelled) -> Learned:
    """From cotangents to gradients: populations in a vectorised pass, projections in a contraction each."""
    populations = {
        name: _population_gradient(block, name, trace, travelled.after[name]) for name in learned.populations
    }
    projections = {
        name: _projection_gradient(projection, trace.signal[name], travelled.external)
        for name, projection in block.projections.items()
    }
    return Learned(populations, projections, travelled.state, travelled.external)


def _population_gradient(block: Block, name: str, trace: Trace, cotangent: PopulationState) -> Population:
    floats, others = eqx.partition(block.populations[name], eqx.is_inexact_array)

    def over_time(floats: Population) -> PopulationState:
        population = eqx.combine(floats, others)
        after = jax.vmap(lambda before, current: update(population, before, current, block.dt))(
            trace.before[name], trace.current[name]
        )
        return eqx.filter(after, eqx.is_inexact_array)

    return jax.vjp(over_time, floats)[1](cotangent)[0]


def _projection_gradient(projection: Projection, signal: Array, delta: External) -> Projection:
    cotangent = flat(getattr(delta, projection.port)[projection.target])
    floats, others = eqx.partition(projection, eqx.is_inexact_array)

    def transmitted(floats: Projection) -> Array:
        whole = eqx.combine(floats, others)
        return whole.transmit(whole.weight, flat(signal))

    return jax.vjp(transmitted, floats)[1](cotangent)[0]
