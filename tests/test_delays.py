"""A delay of d steps is d steps, whichever way the engine takes."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from metaplast.connections import Dense
from metaplast.mechanism import chain
from metaplast.network import Network, Population, Projection
from metaplast.neurons import Relay
from metaplast.plasticity import STDP
from metaplast.simulate import simulate

ONE = jnp.ones((1, 1))
STEPS = 14


def impulse(network, read="b"):
    """What population `read` sends after an impulse into `a` at step 0, in one piece and in two."""
    current = jnp.zeros((STEPS, 1, 1)).at[0].set(1.0)
    record = lambda state: state.populations[read].activity[0, 0]  # noqa: E731
    state = network.init(1, key=jax.random.key(0))
    whole, _ = simulate(network, {"a": current}, state, record=record)
    first, middle = simulate(network, {"a": current[:3]}, state, record=record)
    second, _ = simulate(network, {"a": current[3:]}, middle, record=record)
    np.testing.assert_array_equal(whole, np.concatenate([first, second]))
    return np.flatnonzero(whole)


def relays(names, projections):
    return Network({name: Population(Relay(), 1) for name in names}, projections)


@pytest.mark.parametrize("plasticity", [chain(), STDP(0.0, 0.0)], ids=["hoisted", "stepped"])
@pytest.mark.parametrize("delay", [0, 1, 2, 5])
def test_between_blocks(delay, plasticity):
    network = relays("ab", {"ab": Projection("a", "b", Dense(), ONE, plasticity, delay=delay)})
    np.testing.assert_array_equal(impulse(network), [delay])


@pytest.mark.parametrize("plasticity", [chain(), STDP(0.0, 0.0)], ids=["static", "plastic"])
@pytest.mark.parametrize("delay", [1, 2, 5])
def test_recurrent(delay, plasticity):
    network = relays("a", {"aa": Projection("a", "a", Dense(), ONE, plasticity, delay=delay)})
    np.testing.assert_array_equal(impulse(network, "a"), np.arange(0, STEPS, delay))


@pytest.mark.parametrize(("forth", "back"), [(0, 1), (1, 0), (0, 5), (2, 3)])
def test_within_a_loop_of_two(forth, back):
    loop = {
        "ab": Projection("a", "b", Dense(), ONE, delay=forth),
        "ba": Projection("b", "a", Dense(), ONE, delay=back),
    }
    np.testing.assert_array_equal(impulse(relays("ab", loop)), np.arange(forth, STEPS, forth + back))


@pytest.mark.parametrize("delay", [0, 1, 2, 5])
def test_a_modulator_is_heard_by_the_next_step(delay):
    """It arrives at step `delay` and is held in the state from then, so that plasticity reads it one step later."""
    network = relays("ab", {"ab": Projection("a", "b", Dense(), ONE, delay=delay, port="modulator")})
    current = jnp.zeros((STEPS, 1, 1)).at[0].set(1.0)
    record = lambda state: state.populations["b"].modulator[0, 0]  # noqa: E731
    held, _ = simulate(network, {"a": current}, network.init(1, key=jax.random.key(0)), record=record)
    np.testing.assert_array_equal(np.flatnonzero(held), [delay])
