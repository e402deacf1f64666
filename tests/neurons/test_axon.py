"""A delay of axons is what it says, has its true derivative, and can be found by gradient."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from helpers import tree_allclose
from metaplast.connections import Dense, OneToOne
from metaplast.network import Network, Population, Projection
from metaplast.neurons import Axon, LeakyIntegrator, Relay
from metaplast.params import declarations, project
from metaplast.simulate import simulate

STEPS, CELLS = 30, 4


def delayed(delay, longest=8):
    return Network(
        {"a": Population(Relay(), CELLS), "b": Population(Axon(jnp.asarray(delay), longest), CELLS)},
        {"ab": Projection("a", "b", OneToOne())},
    )


def sent(network, current, read="b", deferred=True):
    state = network.init(current.shape[1], key=jax.random.key(0))
    record = lambda state: state.populations[read].activity  # noqa: E731
    return simulate(network, {"a": current}, state, record=record, deferred=deferred)[0]


@pytest.fixture
def current(key):
    return jax.random.normal(key, (STEPS, 3, CELLS))


def test_whole_delays_shift_each_cell_by_its_own(current):
    delays = [0.0, 1.0, 5.0, 8.0]
    found = sent(delayed(delays), current)
    for cell, delay in enumerate(map(int, delays)):
        np.testing.assert_array_equal(found[delay:, :, cell], current[: STEPS - delay, :, cell])
        assert not found[:delay, :, cell].any()


def test_a_whole_delay_is_that_of_a_projection(current):
    ends = {"a": Population(Relay(), CELLS), "b": Population(Relay(), CELLS)}
    fixed = Network(ends, {"ab": Projection("a", "b", OneToOne(), delay=3)})
    np.testing.assert_array_equal(sent(delayed(3.0), current), sent(fixed, current))


def test_spikes_arrive_whole_at_the_nearest_step(current):
    found, wanted = sent(delayed([0.4, 2.6, 3.3, 7.7]), current), sent(delayed([0.0, 3.0, 3.0, 8.0]), current)
    np.testing.assert_array_equal(found, wanted)


def test_the_derivative_of_a_delay_is_the_slope_of_what_is_under_way(current):
    wish = jnp.sin(jnp.arange(current.size, dtype=current.dtype)).reshape(current.shape)
    price = lambda delay: jnp.sum(wish * sent(delayed(delay), current))  # noqa: E731
    found = jax.grad(price)(jnp.asarray([0.0, 1.4, 5.0, 8.0]))
    before = lambda steps: np.concatenate([np.zeros((steps, 3, CELLS)), current[: STEPS - steps]])  # noqa: E731
    for cell, (sooner, later) in enumerate([(0, 1), (0, 2), (4, 6), (7, 8)]):
        slope = ((before(later) - before(sooner)) / (later - sooner))[..., cell]
        np.testing.assert_allclose(found[cell], np.sum(np.asarray(wish)[..., cell] * slope), rtol=1e-4, atol=1e-4)


def test_delays_are_found_from_what_should_arrive(key):
    """Spikes into a leaky cell: from four delays that are too short to those with which the target was made."""
    spikes = (jax.random.uniform(key, (60, 16, CELLS)) < 0.05).astype(jnp.float32)
    true = jnp.asarray([1.0, 3.0, 4.0, 6.0])

    def network(delay):
        populations = delayed(delay).populations | {"c": Population(LeakyIntegrator(tau=5.0), CELLS)}
        out = Projection("b", "c", OneToOne())
        return Network(populations, {"ab": Projection("a", "b", OneToOne()), "out": out})

    target = sent(network(true), spikes, "c")
    loss = lambda delay: jnp.mean(jnp.square(sent(network(delay), spikes, "c") - target))  # noqa: E731
    optimiser = optax.adam(0.1)

    @jax.jit
    def update(delay, state):
        change, state = optimiser.update(jax.grad(loss)(delay), state)
        return optax.apply_updates(delay, change), state

    delay, state = jnp.zeros(CELLS) + 0.5, optimiser.init(true)
    for _ in range(200):
        delay, state = update(delay, state)
    np.testing.assert_array_equal(jnp.round(delay), true)


def test_delays_stay_between_none_and_the_longest():
    network = delayed([-1.0, 3.0, 8.5, 20.0])
    assert declarations(network)["populations.b.neuron.delay"].high == 8
    np.testing.assert_array_equal(project(network).populations["b"].neuron.delay, [0.0, 3.0, 8.0, 8.0])


@pytest.mark.parametrize("longest", [0, 2.5])
def test_the_longest_delay_is_a_whole_number_of_steps(longest):
    with pytest.raises(ValueError, match="whole number of at least 1"):
        Axon(longest=longest)


def test_gradients_through_a_loop_are_those_of_plain_autodiff(key):
    """Deferred weight gradients and membranes written in place, against a scan without either."""
    axons = Axon(jnp.asarray([0.5, 1.2, 3.0, 2.7]))
    network = Network(
        {"a": Population(LeakyIntegrator(tau=5.0), CELLS), "b": Population(axons, CELLS)},
        {
            "ab": Projection("a", "b", OneToOne()),
            "ba": Projection("b", "a", Dense(), jax.random.normal(key, (CELLS, CELLS)) / 2, delay=1),
        },
    )
    current = jax.random.normal(jax.random.key(3), (STEPS, 2, CELLS))
    price = lambda network, deferred: jnp.sum(jnp.sin(sent(network, current, "a", deferred)))  # noqa: E731
    found, wanted = (eqx.filter_grad(price)(network, deferred) for deferred in (True, False))
    tree_allclose(found, wanted, rtol=1e-4, atol=1e-5)
    assert np.abs(found.populations["b"].neuron.delay).min() > 1e-3
