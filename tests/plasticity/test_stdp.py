"""STDP against its exponential window."""

import jax
import jax.numpy as jnp
import numpy as np

from metaplast.connections import Dense
from metaplast.network import Network, Population, Projection, consolidate
from metaplast.neurons import Relay
from metaplast.plasticity import STDP, HebbianTrace
from metaplast.simulate import simulate

REACH = 40


def play(rule, pre, post, dt=1.0):
    """State after relays have sent `pre` [time, n] and `post` [time, m]; what arrives has gain 0."""
    sizes = {"pre": pre.shape[1], "post": post.shape[1]}
    feed = Projection("pre", "post", Dense(), jnp.zeros(tuple(sizes.values())), rule, gain=jnp.zeros(()))
    network = Network({name: Population(Relay(), size) for name, size in sizes.items()}, {"feed": feed}, dt=dt)
    inputs = {"pre": jnp.asarray(pre[:, None], jnp.float32), "post": jnp.asarray(post[:, None], jnp.float32)}
    state = simulate(network, inputs, network.init(1, key=jax.random.key(0)), record=lambda state: ())[1]
    return np.asarray(consolidate(network, state)[0].projections["feed"].weight)


def test_window_of_single_pairs():
    """Synapse i has one pair with lag (post - pre) of 40 - i steps; lag 0 counts as caused, so it potentiates."""
    dt, steps = 0.5, 2 * REACH + 3
    lag = dt * (REACH - np.arange(2 * REACH + 1))
    pre, post = np.zeros((steps, 2 * REACH + 1)), np.zeros((steps, 1))
    pre[np.arange(2 * REACH + 1), np.arange(2 * REACH + 1)] = 1
    post[REACH] = 1
    change = play(STDP(a_plus=0.3, a_minus=0.2, tau_plus=11.0, tau_minus=17.0), pre, post, dt)[:, 0]
    window = np.where(lag >= 0, 0.3 * np.exp(-lag / 11.0), -0.2 * np.exp(lag / 17.0))
    np.testing.assert_allclose(change, window, rtol=1e-4)
    np.testing.assert_allclose(change[REACH], 0.3, rtol=1e-5)


def test_all_pairs_add_up():
    rng = np.random.default_rng(4)
    pre, post = (rng.random((60, size)) < 0.2 for size in (4, 3))
    post[-1] = False  # known to the synapse only one step later
    rule = STDP(a_plus=0.3, a_minus=0.2, tau_plus=11.0, tau_minus=17.0)
    expected = np.zeros((4, 3))
    for i, j in np.ndindex(4, 3):
        lag = np.flatnonzero(post[:, j])[:, None] - np.flatnonzero(pre[:, i])[None, :]
        expected[i, j] = (0.3 * np.exp(-lag / 11.0))[lag >= 0].sum() - (0.2 * np.exp(lag / 17.0))[lag < 0].sum()
    np.testing.assert_allclose(play(rule, pre, post), expected, rtol=1e-3, atol=1e-5)


def test_hebbian_trace_is_the_discounted_sum_of_coincidences():
    rng = np.random.default_rng(5)
    pre, post = rng.random((30, 4)), rng.random((30, 3))
    rule = HebbianTrace(alpha=0.2, theta=0.4, tau=9.0)
    # The membrane of a relay is what it last sent; before the first step it is 0.
    seen = np.tanh(np.concatenate([np.zeros((1, 3)), post[:-1]]) - 0.4)
    keep = np.exp(-np.arange(29, -1, -1) / 9.0)
    np.testing.assert_allclose(play(rule, pre, post), 0.2 * np.einsum("t,ti,tj->ij", keep, pre, seen), rtol=1e-4)
