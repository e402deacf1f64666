"""Rules on rates, and the homeostatic ones, against their fixed points."""

import jax
import jax.numpy as jnp
import numpy as np

from metaplast.connections import Conv, Dense
from metaplast.intrinsic import HomeostaticThreshold
from metaplast.network import Network, Population, Projection, carry_over, consolidate
from metaplast.neurons import LIF, Relay
from metaplast.plasticity import BCM, Oja, SynapticScaling
from metaplast.simulate import simulate

QUICK = 0.01
"""Time constant (ms) of a running mean that is the value of the last step."""


def play(rule, x, weight, connection=None, teach=None):
    """After a relay has sent `x` [time, batch, *pre] to relays; `teach` [time, batch, *post] may drive these."""
    connection = connection or Dense()
    shape = jax.eval_shape(connection.apply, weight, x[0]).shape[1:]
    feed = Projection("pre", "post", connection, weight, rule, gain=1.0 if teach is None else 0.0)
    network = Network({"pre": Population(Relay(), x.shape[2:]), "post": Population(Relay(), shape)}, {"feed": feed})
    inputs = {"pre": jnp.asarray(x, jnp.float32)} | ({} if teach is None else {"post": jnp.asarray(teach, jnp.float32)})
    state = network.init(x.shape[1], key=jax.random.key(0))
    state = jax.jit(lambda inputs: simulate(network, inputs, state, record=lambda state: ())[1])(inputs)
    return np.asarray(consolidate(network, state)[0].projections["feed"].weight), network, state


def test_oja_finds_the_first_principal_component():
    rng = np.random.default_rng(0)
    axes = np.linalg.qr(rng.normal(size=(4, 4)))[0]
    x = (rng.normal(size=(3000, 20, 4)) * [2.0, 0.7, 0.5, 0.3]) @ axes.T
    # The cell answers one step late to what the trace of its input holds, and both are of the same step.
    weight, *_ = play(Oja(rate=0.01, tau=QUICK), x, 0.1 * jnp.asarray(rng.normal(size=(4, 1)), jnp.float32))
    assert abs(weight[:, 0] @ axes[:, 0]) > 0.995
    np.testing.assert_allclose(np.linalg.norm(weight), 1.0, atol=0.03)


def test_oja_on_a_kernel_is_the_dense_rule_summed_over_its_places():
    """A kernel of one place over two places: dense weights of either place with the same activity, averaged changes."""
    rng = np.random.default_rng(1)
    x, y = rng.random((5, 3, 1, 2, 4)), rng.random((5, 3, 1, 2, 3))
    weight = jnp.asarray(rng.random((4, 3)), jnp.float32)
    # To first order in the rate, so that the shared weight and the separate ones have not drifted apart.
    rule = Oja(rate=1e-3, tau=QUICK)
    kernel = play(rule, x, weight[None, None], Conv(), teach=y)[0][0, 0] - weight
    places = [play(rule, x[:, :, 0, i], weight, teach=y[:, :, 0, i])[0] - weight for i in range(2)]
    assert np.abs(kernel).max() > 1e-3
    np.testing.assert_allclose(kernel, sum(places), rtol=0.02, atol=2e-5)


def test_bcm_changes_sign_at_its_threshold_and_rests_at_the_target():
    """Constant rates: the threshold of a cell that sends y settles at y^2 / target."""
    levels = np.array([0.1, 0.2, 0.4])
    x, y = np.full((4000, 1, 1), 0.5), np.tile(levels, (4000, 1, 1))
    rule = BCM(rate=1.0, target=0.2, tau=QUICK, tau_theta=20.0)
    _, network, state = play(rule, x, jnp.zeros((1, 3)), teach=y)
    np.testing.assert_allclose(state.projections["feed"].plasticity.threshold[0], levels**2 / 0.2, rtol=1e-3)
    early, late = (
        state.projections["feed"].plasticity.change
        for state in (play(rule, x[:3999], jnp.zeros((1, 3)), teach=y[:3999])[2], state)
    )
    np.testing.assert_allclose((late - early)[0], 0.5 * levels * (levels - levels**2 / 0.2), atol=1e-3)
    carried = carry_over(network, state, 4, key=jax.random.key(0)).projections["feed"].plasticity
    np.testing.assert_allclose(carried.threshold, np.tile(levels**2 / 0.2, (4, 1)), rtol=1e-3)


def test_scaling_brings_activity_to_its_target_and_keeps_ratios():
    rng = np.random.default_rng(2)
    weight = jnp.asarray(rng.uniform(0.2, 1.0, (5, 3)) * [0.2, 1.0, 3.0], jnp.float32)
    rule = SynapticScaling(target=0.5, rate=0.01, tau=10.0)
    after, network, state = play(rule, np.full((3000, 2, 5), 0.4), weight)
    np.testing.assert_allclose(state.populations["post"].activity, 0.5, rtol=1e-2)
    np.testing.assert_allclose(after / after[0], weight / weight[0], rtol=1e-4)
    carried = carry_over(network, state, 7, key=jax.random.key(0))
    np.testing.assert_array_equal(*(s.projections["feed"].plasticity.logarithm for s in (carried, state)))


def test_a_homeostatic_threshold_brings_the_rate_to_its_target():
    population = Population(LIF(tau=10.0), 3, HomeostaticThreshold(target=0.1, rate=0.02))
    network = Network({"cells": population}, {})
    current = jnp.tile(jnp.array([1.5, 2.0, 3.0]), (4000, 2, 1))
    state = network.init(2, key=jax.random.key(0))
    record = lambda state: state.populations["cells"].activity  # noqa: E731
    spikes, end = jax.jit(lambda current: simulate(network, {"cells": current}, state, record=record))(current)
    np.testing.assert_allclose(spikes[2000:].mean(axis=(0, 1)), 0.1, rtol=0.05)
    assert (spikes[:100].mean(axis=(0, 1))[1:] > 0.12).all()
    offset = end.populations["cells"].intrinsic.offset
    carried = carry_over(network, end, 5, key=jax.random.key(0)).populations["cells"].intrinsic.offset
    assert carried.shape == (5, 3)
    np.testing.assert_allclose(carried[0], offset.mean(axis=0), rtol=0.05)


def test_a_presentation_counts_every_step_once_when_its_threshold_is_carried_over():
    """In short presentations a last step that is left out would let cells send more than their target."""
    network = Network({"cells": Population(LIF(tau=2.0), 2, HomeostaticThreshold(target=0.1, rate=0.02))}, {})
    current = jnp.tile(jnp.array([3.0, 8.0]), (5, 3, 1))
    record = lambda state: state.populations["cells"].activity  # noqa: E731
    spikes, end = simulate(network, {"cells": current}, network.init(3, key=jax.random.key(0)), record=record)
    carried = carry_over(network, end, 1, key=jax.random.key(0)).populations["cells"].intrinsic.offset
    assert spikes[-1].max() == 1
    np.testing.assert_allclose(carried[0], 0.02 * (spikes.mean(axis=1) - 0.1).sum(axis=0), rtol=1e-5)
