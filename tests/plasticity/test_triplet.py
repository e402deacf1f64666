"""Triplet STDP against sums over triplets of spikes."""

import jax
import jax.numpy as jnp
import numpy as np

from metaplast.connections import Dense
from metaplast.network import Network, Population, Projection, carry_over, consolidate
from metaplast.neurons import Relay
from metaplast.plasticity import STDP, TripletSTDP
from metaplast.simulate import simulate

TAU = {"tau_plus": 11.0, "tau_x": 40.0, "tau_minus": 17.0, "tau_y": 30.0}
SIZE = {"a2_plus": 0.1, "a3_plus": 0.2, "a2_minus": 0.15, "a3_minus": 0.05}


def play(rule, pre, post):
    sizes = {"pre": pre.shape[1], "post": post.shape[1]}
    feed = Projection("pre", "post", Dense(), jnp.zeros(tuple(sizes.values())), rule, gain=jnp.zeros(()))
    network = Network({name: Population(Relay(), size) for name, size in sizes.items()}, {"feed": feed})
    inputs = {"pre": jnp.asarray(pre[:, None], jnp.float32), "post": jnp.asarray(post[:, None], jnp.float32)}
    state = simulate(network, inputs, network.init(1, key=jax.random.key(0)), record=lambda state: ())[1]
    return np.asarray(consolidate(network, state)[0].projections["feed"].weight), network, state


def trains(seed=4, steps=60):
    rng = np.random.default_rng(seed)
    pre, post = (rng.random((steps, size)) < 0.2 for size in (4, 3))
    post[-1] = False  # known to the synapse only one step later
    return pre, post


def past(train, now, tau, *, strictly):
    """Sum of exp(-age / tau) over the spikes of a train before `now`, that of `now` itself included or not."""
    times = np.flatnonzero(train)
    age = now - times[(times < now) | ((times == now) & (not strictly))]
    return np.exp(-age / tau).sum()


def test_the_change_is_the_sum_over_all_triplets():
    pre, post = trains()
    expected = np.zeros((4, 3))
    for i, j in np.ndindex(4, 3):
        x, y = pre[:, i], post[:, j]
        for t in np.flatnonzero(y):
            late = SIZE["a2_plus"] + SIZE["a3_plus"] * past(y, t, TAU["tau_y"], strictly=True)
            expected[i, j] += past(x, t, TAU["tau_plus"], strictly=False) * late
        for t in np.flatnonzero(x):
            late = SIZE["a2_minus"] + SIZE["a3_minus"] * past(x, t, TAU["tau_x"], strictly=True)
            expected[i, j] -= past(y, t, TAU["tau_minus"], strictly=True) * late
    np.testing.assert_allclose(play(TripletSTDP(**SIZE, **TAU), pre, post)[0], expected, rtol=1e-3, atol=1e-5)


def test_without_its_triplets_it_is_pair_stdp():
    pre, post = trains(5)
    pairs = STDP(a_plus=0.1, a_minus=0.15, tau_plus=11.0, tau_minus=17.0)
    triplets = TripletSTDP(**(SIZE | {"a3_plus": 0.0, "a3_minus": 0.0}), **TAU)
    np.testing.assert_allclose(play(triplets, pre, post)[0], play(pairs, pre, post)[0], rtol=1e-4, atol=1e-6)


def test_its_change_is_carried_over_and_its_traces_are_not():
    change, network, state = play(TripletSTDP(**SIZE, **TAU), *trains())
    kept = carry_over(network, state, 2, key=jax.random.key(0)).projections["feed"].plasticity
    np.testing.assert_array_equal(kept.change, change)
    assert kept.pre.shape == (2, 4)
    assert not any(trace.any() for trace in kept[:4])
