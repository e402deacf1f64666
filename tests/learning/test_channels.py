"""Channels learn side by side and none sees the gradient of another."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from metaplast.connections import Dense
from metaplast.learning.selfbackprop import SelfBackpropagation
from metaplast.learning.stack import layers_of, put_weights
from metaplast.network import Network, Population, Projection, carry_over
from metaplast.neurons import LIF, Relay
from metaplast.params import learnable
from metaplast.plasticity import HebbianSynapse
from metaplast.simulate import simulate

SIZES = {"input": 8, "hidden": 12, "output": 3}
ENDS = (("input", "hidden"), ("hidden", "output"))
FREE = ("*.slow?.weight", "*.gain", "*.beta", "*.eta")


def network():
    rng = np.random.default_rng(0)
    populations = {name: Population(LIF(tau=2.0), size) for name, size in SIZES.items()}
    populations["input"] = Population(Relay(), SIZES["input"])
    projections = {}
    for i, (pre, post) in enumerate(ENDS):
        shape = SIZES[pre], SIZES[post]
        weight = rng.normal(0.5, 0.5, shape)
        rule = HebbianSynapse(np.full(shape[0], 0.1), np.full(shape[1], 0.1))
        projections[f"slow{i}"] = Projection(pre, post, Dense(), weight, gain=1.0)
        projections[f"fast{i}"] = Projection(pre, post, Dense(), jnp.zeros(shape), rule, gain=0.5)
        projections[f"sbp{i}"] = Projection(pre, post, Dense(), 0.3 * weight, gain=0.3)
    return Network(populations, projections)


@eqx.filter_jit
def update(net, mask, state, x, y):
    """One batch: the surrogate gradient, then self-backpropagation, then the trace for the next."""
    learned, constant = eqx.partition(net, mask)

    def loss(learned):
        read = lambda state: state.populations["output"].neuron.voltage  # noqa: E731
        voltage, end = simulate(eqx.combine(learned, constant), {"input": x}, state, record=read, steps=6)
        return jnp.mean(jnp.square(voltage[-1] - jax.nn.one_hot(y, 3))), end

    gradient, end = jax.grad(loss, has_aux=True)(learned)
    stepped = eqx.combine(jax.tree.map(lambda p, g: p - 0.1 * g, learned, gradient), constant)
    names = ("sbp0", "sbp1")
    layers, _ = SelfBackpropagation().step(layers_of(net, names), x[0], y)
    return gradient, stepped, put_weights(stepped, names, layers), carry_over(net, end, len(y), key=jax.random.key(0))


def test_each_channel_is_changed_by_its_own_learner_alone():
    net = network()
    x, y = jnp.asarray(np.random.default_rng(1).random((1, 5, 8)), jnp.float32), jnp.array([0, 1, 2, 0, 1])
    state = net.init(5, key=jax.random.key(0))
    gradient, stepped, after, carried = update(net, learnable(net, *FREE), state, x, y)
    for i in range(2):
        assert gradient.projections[f"fast{i}"].weight is None
        assert gradient.projections[f"sbp{i}"].weight is None
        for leaf in jax.tree.leaves((gradient.projections[f"slow{i}"], gradient.projections[f"fast{i}"])):
            assert np.abs(leaf).max() > 0
        for name in (f"fast{i}", f"sbp{i}"):
            np.testing.assert_array_equal(stepped.projections[name].weight, net.projections[name].weight)
        for name in (f"slow{i}", f"fast{i}"):
            np.testing.assert_array_equal(after.projections[name].weight, stepped.projections[name].weight)
        assert np.abs(after.projections[f"sbp{i}"].weight - net.projections[f"sbp{i}"].weight).max() > 0
        assert np.abs(carried.projections[f"fast{i}"].plasticity.trace).max() > 0


def test_the_trace_that_a_batch_begins_with_moves_no_parameter_of_the_batch_before():
    """Differentiated through two batches, the first has no part in the gradient."""
    net, x = network(), jnp.asarray(np.random.default_rng(2).random((1, 5, 8)), jnp.float32)
    read = lambda state: state.populations["output"].neuron.voltage  # noqa: E731

    @jax.jit
    @jax.grad
    def second(gain):
        before = eqx.tree_at(lambda n: n.projections["slow0"].gain, net, gain)
        state = simulate(before, {"input": x}, net.init(5, key=jax.random.key(0)), record=read, steps=6)[1]
        state = carry_over(net, state, 5, key=jax.random.key(0))
        return jnp.sum(simulate(net, {"input": x}, state, record=read, steps=6)[0])

    assert second(jnp.ones(())) == 0
