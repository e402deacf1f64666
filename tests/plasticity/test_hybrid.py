"""The Hebbian synapse against the loop that its paper's code runs, and what lasts from batch to batch."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from metaplast.connections import Conv, Dense
from metaplast.network import Network, Population, Projection, carry_over
from metaplast.neurons import LeakyIntegrator, Relay
from metaplast.plasticity import HebbianSynapse
from metaplast.simulate import simulate

STEPS, BATCH = 6, 4
RNG = np.random.default_rng(0)
BETA, ETA = RNG.uniform(0.1, 0.5, 5), RNG.uniform(-0.2, 0.2, 3)


def network(rule, weight, alpha=0.7):
    feed = Projection("input", "cells", Dense(), weight, rule, gain=alpha)
    cells = Population(LeakyIntegrator(tau=2.0), weight.shape[1])
    return Network({"input": Population(Relay(), weight.shape[0]), "cells": cells}, {"feed": feed})


def present(net, state, x):
    read = lambda state: state.populations["cells"].activity  # noqa: E731
    return simulate(net, {"input": jnp.asarray(x, jnp.float32)}, state, record=read)


def by_hand(x, trace, weight, alpha=0.7, keep=0.9, limit=4.0, threshold=0.35, attenuation=None):
    """Wu et al.'s order within a step: current, membrane, then H with that membrane."""
    leak, volts, seen = np.exp(-1 / 2.0), np.zeros((x.shape[1], weight.shape[1])), []
    for t, now in enumerate(x):
        now = now if attenuation is None else now * np.exp(-t / attenuation)
        volts = leak * volts + (1 - leak) * alpha * (now @ (weight + trace))
        post = np.tanh(volts / threshold - ETA)
        trace = np.clip(keep * trace + np.einsum("bi,bj->ij", now * BETA, post) / len(now), -limit, limit)
        seen.append(volts)
    return np.array(seen), trace


@pytest.mark.parametrize(("limit", "attenuation"), [(4.0, None), (4.0, 3.0), (0.05, None)])
def test_two_batches_of_the_papers_loop(limit, attenuation):
    """The second batch has another size and begins with H of the first; the small limit makes the clip act."""
    rule = HebbianSynapse(beta=BETA, eta=ETA, threshold=0.35, keep=0.9, limit=limit, attenuation=attenuation)
    weight = RNG.normal(size=(5, 3))
    net, trace = network(rule, weight), np.zeros((5, 3))
    state = net.init(BATCH, key=jax.random.key(0))
    for size, following in ((BATCH, 2), (2, 3)):
        x = RNG.random((STEPS, size, 5))
        found, state = present(net, state, x)
        expected, trace = by_hand(x, trace, weight, limit=limit, attenuation=attenuation)
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)
        state = carry_over(net, state, following, key=jax.random.key(0))
        np.testing.assert_allclose(state.projections["feed"].plasticity[0], trace, rtol=1e-4, atol=1e-6)
    assert (np.abs(trace).max() == pytest.approx(limit)) == (limit < 1)


def test_what_is_carried_over_is_at_rest_but_for_the_trace():
    rule = HebbianSynapse(beta=BETA, eta=ETA)
    net = network(rule, jnp.zeros((5, 3)))
    _, state = present(net, net.init(BATCH, key=jax.random.key(0)), RNG.random((STEPS, BATCH, 5)))
    carried, fresh = carry_over(net, state, 2, key=jax.random.key(1)), net.init(2, key=jax.random.key(1))
    for name in net.populations:
        np.testing.assert_array_equal(carried.populations[name].activity, fresh.populations[name].activity)
    kept = carried.projections["feed"].plasticity
    assert kept.steps == 0
    assert not kept.pre.any()
    assert np.abs(kept.trace).min() > 0


def test_a_state_recorded_in_the_midst_learns_what_is_due_when_it_is_carried_over():
    net = network(HebbianSynapse(beta=BETA, eta=ETA), RNG.normal(size=(5, 3)))
    x, start = jnp.asarray(RNG.random((STEPS, BATCH, 5)), jnp.float32), net.init(BATCH, key=jax.random.key(0))
    states, end = simulate(net, {"input": x}, start, record=lambda state: state.projections["feed"].plasticity)
    owing = eqx.tree_at(lambda state: state.projections["feed"].plasticity, end, jax.tree.map(lambda a: a[-1], states))
    found, expected = (
        carry_over(net, state, BATCH, key=jax.random.key(0)).projections["feed"].plasticity.trace
        for state in (owing, end)
    )
    assert not jnp.allclose(owing.projections["feed"].plasticity.trace, expected, rtol=0.05)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)


def test_meta_parameters_get_gradients_and_no_gradient_passes_between_batches():
    x = RNG.random((STEPS, BATCH, 5))

    def loss(rule, start, stop):
        net = network(rule, jnp.zeros((5, 3)))
        begin = net.init(BATCH, key=jax.random.key(0))
        state = carry_over(net, present(network(start, jnp.zeros((5, 3))), begin, x)[1], BATCH, key=jax.random.key(0))
        return jnp.sum(jnp.square(present(net, state, x)[0] - stop))

    rule = HebbianSynapse(beta=BETA, eta=ETA)
    own, before = jax.grad(loss, argnums=(0, 1))(rule, rule, 1.0)
    assert all(np.abs(leaf).min() > 0 for leaf in jax.tree.leaves(own))
    assert not any(leaf.any() for leaf in jax.tree.leaves(before))


def test_on_a_kernel_of_one_place_it_is_the_dense_rule():
    x, weight = RNG.random((STEPS, BATCH, 5)), RNG.normal(size=(5, 3))
    rule = HebbianSynapse(beta=BETA, eta=ETA)
    dense, _ = present(network(rule, weight), network(rule, weight).init(BATCH, key=jax.random.key(0)), x)
    feed = Projection("input", "cells", Conv(), weight[None, None], rule, gain=0.7)
    cells = Population(LeakyIntegrator(tau=2.0), (1, 1, 3))
    net = Network({"input": Population(Relay(), (1, 1, 5)), "cells": cells}, {"feed": feed})
    conv, _ = present(net, net.init(BATCH, key=jax.random.key(0)), x[:, :, None, None])
    np.testing.assert_allclose(conv[:, :, 0, 0], dense, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("options", [{"limit": 0.0}, {"attenuation": -1.0}])
def test_a_limit_or_attenuation_that_is_not_positive_is_refused(options):
    with pytest.raises(ValueError, match=rf"HebbianSynapse\.{next(iter(options))}"):
        HebbianSynapse(**options)
