"""What enters a block of populations from outside, worked out for all steps before the scan over time.

What does not change in time has a time axis of length 1, as far as it can be followed: a constant input passes a relay
and a connection once, not once a step.
"""

from collections.abc import Mapping

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, PyTree

from metaplast.connections import Connection
from metaplast.mechanism import Amplified, Chain
from metaplast.network import Network, NetworkState, Projection
from metaplast.params import strong_float
from metaplast.recording import over_time
from metaplast.signals import Ahead, Drive, Foresight, Transmission, kept
from metaplast.stepping import Block, External, flat


def external(
    network: Network,
    block: Block,
    inputs: Mapping[str, Array],
    state: NetworkState,
    kept: NetworkState,
    steps: int,
    foreseeable: frozenset[str],
) -> tuple[External, dict[str, Foresight]]:
    """Injected currents, static projections in one product each, biases; and what the plastic ones in `foreseeable`
    make of knowing all that will arrive."""
    # Spikes may come as booleans or counts; only floats have a gradient.
    current: dict[str, Array] = {name: strong_float(inputs[name]) for name in block.order if name in inputs}
    found, foreseen = External(current, {}, {}, {}), {}
    for name, projection in network.projections.items():
        if projection.target not in block.populations or projection.source in block.populations:
            continue
        signals = arriving(projection, name, state, kept, steps)
        if projection.plastic:
            seen = _foresee(network, projection, name, signals, state, steps) if name in foreseeable else None
            if seen is not None:
                foreseen[name] = seen
            found.signal[name] = through(signals, steps) if seen is None else seen.slices
            continue
        product = projection.transmit(projection.weight, flat(signals))
        product = product.reshape(*signals.shape[:2], *product.shape[1:])
        arrived = getattr(found, projection.port)
        arrived[projection.target] = arrived.get(projection.target, 0.0) + product
    _fill(block, state, found, steps)
    return found, foreseen


def _fill(block: Block, state: NetworkState, found: External, steps: int) -> None:
    """Biases, ports fed from within the block, random numbers; all of one length unless nothing changes in time."""
    for name, population in block.populations.items():
        batch = state.populations[name].activity.shape[0]
        if name not in found.current:
            found.current[name] = jnp.zeros((1, batch, *population.drive_shape))
        if population.bias is not None:
            found.current[name] = found.current[name] + population.bias
        if not (vectorises(block) and name not in found.modulator):
            found.current[name] = through(found.current[name], steps)
        drive = Drive(found.current[name][0], jnp.zeros(()))
        found.drawn[name] = population.intrinsic.draw(state.populations[name].intrinsic, drive, steps)
    for projection in block.projections.values():
        # A modulator port fed from within the block still needs a place where its cotangent appears.
        if projection.port == "modulator" and projection.target not in found.modulator:
            found.modulator[projection.target] = jnp.zeros((1, *state.populations[projection.target].modulator.shape))
    for name, modulator in found.modulator.items():
        found.modulator[name] = through(modulator, steps)


def _foresee(
    network: Network, projection: Projection, name: str, signals: Array, state: NetworkState, steps: int
) -> Foresight | None:
    """What a mechanism makes of all that will arrive; cells with branches have no such form.

    One number for a gain goes into all that currents are made of. Then its derivative, too, is formed before and after
    the scan.
    """
    target = network.populations[projection.target]
    weight, gain = projection.weight, projection.gain
    if target.drive_shape != target.shape or weight is None or projection.port != "current":
        return None
    local = projection.local(signals[0], state.populations[projection.target], network.dt)
    inside = gain if gain is not None and gain.ndim == 0 else None
    made_with = projection.connection, inside
    ahead = Ahead(steps, eqx.Partial(_current, *made_with), eqx.Partial(_gram, *made_with))
    seen = projection.plasticity.foresee(
        Transmission(signals, weight), state.projections[name].plasticity, local, ahead
    )
    if seen is None or gain is None or inside is not None:
        return seen
    return seen._replace(stepper=Amplified(seen.stepper, gain))


def _current(connection: Connection, gain: Array | None, weight: Array | None, signal: Array) -> Array:
    current = connection.apply(weight, signal)
    return current if gain is None else gain * kept(current)


def _gram(connection: Connection, gain: Array | None, now: Array, then: Array) -> Array | None:
    gram = connection.gram(now, then)
    return gram if gain is None or gram is None else gain * gram


def vectorises(block: Block) -> bool:
    """Whether all steps of a block can be taken at once: one population without memory or mechanisms."""
    (population, *others) = block.populations.values()
    plain = isinstance(population.intrinsic, Chain) and not population.intrinsic.links
    return not others and not block.projections and plain and population.neuron.memoryless


def arriving(projection: Projection, name: str, state: NetworkState, kept: NetworkState, steps: int) -> Array:
    """Signals of a projection from an earlier block as they arrive: [time or 1, batch, *source]."""
    source = state.populations[projection.source]
    sent = _sent(projection, source, kept.populations[projection.source], steps)
    if projection.delay == 0:
        return sent
    queue = [state.projections[name].buffer, projection.read(source)[None], through(sent, steps)]
    return jnp.concatenate(queue)[:steps]


def under_way(projection: Projection, name: str, state: NetworkState, kept: NetworkState, steps: int) -> Array:
    """The last `delay - 1` signals before the newest one."""
    buffer = state.projections[name].buffer
    if projection.delay < 2:
        return buffer
    source = state.populations[projection.source]
    sent = through(_sent(projection, source, kept.populations[projection.source], steps), steps)
    return jnp.concatenate([buffer, projection.read(source)[None], sent])[-projection.delay : -1]


def _sent(projection: Projection, source: PyTree, kept: PyTree, steps: int) -> Array:
    length = next((leaf.shape[0] for leaf in jax.tree.leaves(kept)), steps)
    return over_time(projection.read, kept, source, length)


def through(array: Array, steps: int) -> Array:
    """With a time axis of `steps` where it was 1.

    Floats as a product with ones, whose transpose is a product too: XLA on the CPU takes forty times as long for a sum
    over the leading axis, and that would be the derivative of a broadcast.
    """
    if array.shape[0] == steps:
        return array
    if not jnp.issubdtype(array.dtype, jnp.floating):
        return jnp.broadcast_to(array, (steps, *array.shape[1:]))
    held = jnp.ones((steps, 1), array.dtype) @ array.reshape(1, -1)
    return held.reshape(steps, *array.shape[1:])
