"""Self-backpropagation against the equations of its paper, written as plain loops."""

from itertools import pairwise

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from metaplast.connections import AveragePool, Conv, Dense
from metaplast.learning.selfbackprop import SelfBackpropagation, at_rest, initial_layers
from metaplast.learning.stack import Layer, layers_of, put_weights
from metaplast.learning.targets import one_hot
from metaplast.network import Network, Population, Projection
from metaplast.neurons import Relay

SIZES = (7, 6, 5, 3)
RATES = (0.3, 0.2, 0.1)


def stack(rng, sizes=SIZES):
    return tuple(
        Layer(jnp.asarray(rng.normal(size=(a, b)) / a, jnp.float32), jnp.asarray(0.1 * rng.normal(size=b), jnp.float32))
        for a, b in pairwise(sizes)
    )


def problem(rng, batch=4):
    return rng.random((batch, SIZES[0])).astype(np.float32), rng.integers(0, SIZES[-1], batch)


def share(x):
    return x / x.sum() if x.sum() != 0 else 0 * x


def by_hand(weights, biases, x, y, beta=0.5, eps=0.5):
    """Free phase, nudged phase and the spreading of the change, index by index as the paper's code has it."""
    last, values = len(weights), [x] + [np.zeros((len(x), len(b))) for b in biases]

    def iterate(v, nudge):
        for i in range(1, last + 1):
            pull = v[i - 1] @ weights[i - 1] + biases[i - 1]
            if i < last:
                pull = pull + v[i + 1] @ weights[i].T
                v[i] = 2 / (1 + np.exp(-(v[i] - eps * (v[i] - pull)))) - 1
            else:
                v[i] = np.maximum(v[i] - eps * (v[i] - pull + nudge * (v[i] - y)), 0)

    for _ in range(20):
        iterate(values, 0.0)
    pushed = [v.copy() for v in values]
    for _ in range(5):
        iterate(pushed, beta)
    changes, gains, losses = [None] * last, {}, {}
    for m in range(last, 0, -1):
        dw = values[m - 1].T @ (pushed[m] - values[m]) / (beta * len(x))
        up, down = np.clip(dw, 0, None), np.clip(dw, None, 0)
        gains[m] = np.diag(1 + 0.2 * share(0.1 * up.sum(1))) @ up
        losses[m] = np.diag(1 + 0.2 * share(0.1 * abs(down.sum(1)))) @ down
        post = down @ np.diag(1 + 0.5 * 0.2 * share(0.1 * abs(down.sum(0))))
        if m == last:
            changes[m - 1] = gains[m] + (losses[m] + post) / 2
        else:
            back = up @ np.diag(1 + 0.2 * share(0.1 * gains[m + 1].sum(1)))
            back_down = down @ np.diag(1 + 0.2 * share(0.1 * losses[m + 1].sum(1)))
            changes[m - 1] = (gains[m] + back) / 2 + (losses[m] + post + back_down) / 3
    return changes, [(p - v).mean(0) / beta for p, v in zip(pushed[1:], values[1:], strict=True)], values[-1]


def test_an_update_is_that_of_the_paper():
    rng = np.random.default_rng(0)
    layers, (x, y) = stack(rng), problem(rng)
    rule = SelfBackpropagation(RATES)
    weights, biases = ([np.asarray(getattr(layer, part), float) for layer in layers] for part in ("weight", "bias"))
    expected, currents, output = by_hand(weights, biases, x, np.eye(3)[y])
    after, metrics = eqx.filter_jit(rule.step)(layers, x, jnp.asarray(y))
    for layer, before, change, current, rate in zip(after, layers, expected, currents, RATES, strict=True):
        assert np.abs(change).max() > 1e-4
        np.testing.assert_allclose(layer.weight - before.weight, rate * change, rtol=1e-3, atol=1e-7)
        np.testing.assert_allclose(layer.bias - before.bias, rate * current, rtol=1e-3, atol=1e-7)
    np.testing.assert_allclose(metrics.loss, 0.5 * np.square(output - np.eye(3)[y]).sum(1).mean(), rtol=1e-4)
    np.testing.assert_allclose(rule.respond(layers, x), output, rtol=1e-4, atol=1e-6)
    assert metrics.accuracy == (output.argmax(1) == y).mean()


def test_the_raw_change_of_the_output_lowers_its_loss():
    """The sign: with the output nudged towards the target, changes are added."""
    rng = np.random.default_rng(1)
    layers, (x, y) = stack(rng), problem(rng, 8)
    rule, losses = SelfBackpropagation(RATES), []
    step = eqx.filter_jit(rule.step)
    for _ in range(60):
        layers, metrics = step(layers, x, jnp.asarray(y))
        losses.append(float(metrics.loss))
    assert losses[-1] < 0.7 * losses[0]
    assert float(metrics.unrest) < 1e-2


def test_kernels_of_one_place_are_dense_layers():
    rng = np.random.default_rng(2)
    layers, (x, y) = stack(rng), problem(rng)
    kernels = tuple(Layer(low.weight[None, None], low.bias, Conv()) for low in layers[:2])
    mixed = (*kernels, Layer(layers[2].weight, layers[2].bias, Dense()))
    rule = SelfBackpropagation(RATES)
    flat, _ = eqx.filter_jit(rule.changes)(layers, x, jnp.asarray(y))
    conv, _ = eqx.filter_jit(rule.changes)(mixed, x[:, None, None], jnp.asarray(y))
    for (weight, bias), (kernel, same) in zip(flat, conv, strict=True):
        np.testing.assert_allclose(kernel.reshape(weight.shape), weight, rtol=1e-4, atol=1e-7)
        np.testing.assert_allclose(same, bias, rtol=1e-4, atol=1e-7)


def test_a_kernel_changes_by_the_sum_over_its_places():
    """Raw changes of a shared weight add up; the feedback of a convolution is its transpose."""
    rng = np.random.default_rng(3)
    kernel = Layer(jnp.asarray(0.1 * rng.normal(size=(3, 3, 2, 4)), jnp.float32), jnp.zeros(4), Conv())
    dense = Layer(jnp.asarray(0.1 * rng.normal(size=(64, 3)), jnp.float32), jnp.zeros(3))
    x = jnp.asarray(rng.random((5, 4, 4, 2)), jnp.float32)
    changes, metrics = eqx.filter_jit(SelfBackpropagation((0.1, 0.1)).changes)(
        (kernel, dense), x, jnp.array([0, 1, 2, 0, 1])
    )
    assert [c.shape for pair in changes for c in pair] == [(3, 3, 2, 4), (4,), (64, 3), (3,)]
    assert all(np.abs(c).max() > 1e-6 for pair in changes for c in pair)
    assert np.isfinite(metrics.loss)


def test_where_the_membranes_start():
    rng = np.random.default_rng(4)
    layers, (x, _) = stack(rng), problem(rng)
    rule = SelfBackpropagation(RATES, free=1)
    rest = at_rest(layers, x)
    first = rule.settle(layers, x)[0]
    np.testing.assert_array_equal(rule.settle(layers, x, rest)[0][-1], first[-1])
    assert np.abs(rule.settle(layers, x, first)[0][-1] - first[-1]).max() > 1e-3


def two_channels():
    rng = np.random.default_rng(5)
    sizes = {"input": 7, "hidden": 6, "output": 3}
    ends = [("input", "hidden"), ("hidden", "output")]
    projections = {
        f"{channel}{i}": Projection(a, b, Dense(), rng.normal(size=(sizes[a], sizes[b])))
        for channel in ("stbp", "sbp")
        for i, (a, b) in enumerate(ends)
    }
    return Network({name: Population(Relay(), size) for name, size in sizes.items()}, projections)


def test_one_channel_of_a_network_learns_and_the_others_stay_bit_by_bit():
    network, names = two_channels(), ("sbp0", "sbp1")
    x, y = problem(np.random.default_rng(6))
    layers, _ = eqx.filter_jit(SelfBackpropagation().step)(layers_of(network, names), x, jnp.asarray(y))
    after = put_weights(network, names, layers)
    for name, projection in network.projections.items():
        same = np.array_equal(after.projections[name].weight, projection.weight)
        assert same == (name not in names)


def test_what_is_no_stack_of_layers_is_refused():
    network, rng = two_channels(), np.random.default_rng(7)
    with pytest.raises(ValueError, match="begins at 'input', not where 'sbp1' ends"):
        layers_of(network, ("sbp1", "sbp0"))
    with pytest.raises(ValueError, match="3 layers and 2 rates"):
        SelfBackpropagation().changes(stack(rng), *map(jnp.asarray, problem(rng)))
    with pytest.raises(ValueError, match=r"SelfBackpropagation\.beta is 0"):
        SelfBackpropagation(beta=0.0)
    pooled = Network(
        {"a": Population(Relay(), (2, 2, 1)), "b": Population(Relay(), (1, 1, 1))},
        {"pool": Projection("a", "b", AveragePool())},
    )
    with pytest.raises(ValueError, match=r"projections\.pool has no weight"):
        layers_of(pooled, ("pool",))


def test_initial_layers_have_their_spread():
    layers = initial_layers((300, 200, 5), (4.0, 0.5), key=jax.random.key(0))
    for layer, gain, cells in zip(layers, (4.0, 0.5), (500, 205), strict=True):
        np.testing.assert_allclose(layer.weight.std(), gain * np.sqrt(2 / cells), rtol=0.06)
        assert not layer.bias.any()
    with pytest.raises(ValueError, match="2 layers and 1 gains"):
        initial_layers((3, 2, 1), (1.0,), key=jax.random.key(0))


def test_one_hot_targets_stay():
    np.testing.assert_array_equal(one_hot(jnp.array([2, 0]), 3), [[0, 0, 1], [1, 0, 0]])
    np.testing.assert_array_equal(one_hot(jnp.array([[0.5, 0.5]]), 2), [[0.5, 0.5]])
