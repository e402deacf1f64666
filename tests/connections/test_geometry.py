"""Every geometry is a dense matrix in disguise."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.extend.core import jaxprs_in_params

from helpers import MASK, conv_index, share, tree_allclose, unshare
from metaplast.connections import AveragePool, Conv, Dense, Sparse
from metaplast.network import Network, Population, Projection
from metaplast.neurons import LIF
from metaplast.plasticity import STDP
from metaplast.simulate import simulate

CONVOLUTIONS = [(1, "SAME"), (2, "SAME"), (1, "VALID"), (2, "VALID")]


@pytest.mark.parametrize(("stride", "padding"), CONVOLUTIONS)
def test_convolution_is_its_dense_matrix(stride, padding, key):
    """Currents, gradients in the kernel and in the activity; the matrix is built by plain loops."""
    weight = jax.random.normal(key, (3, 2, 2, 3))
    activity = jax.random.normal(jax.random.key(1), (4, 5, 6, 2))
    index = conv_index(weight.shape, activity.shape[1:], stride, padding)
    matrix = jnp.asarray(unshare(weight, index).reshape(60, *index.shape[3:]))
    conv = Conv(stride=stride, padding=padding)

    @jax.jit
    def both(weight, matrix, activity, cotangent):
        current, pull = jax.vjp(conv.apply, weight, activity)
        same, draw = jax.vjp(Dense().apply, matrix, activity)
        return current, same, pull(cotangent), draw(cotangent)

    cotangent = jax.random.normal(jax.random.key(2), (4, *index.shape[3:]))
    current, same, (change, back), (dense_change, dense_back) = both(weight, matrix, activity, cotangent)
    np.testing.assert_allclose(current, same, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(back, dense_back, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(change, share(dense_change.reshape(index.shape), index, weight.shape), atol=1e-3)
    np.testing.assert_allclose(conv.contract(weight, activity, cotangent), change, rtol=1e-4, atol=1e-4)


def test_convolution_spreads_a_value_over_its_places(key):
    post = jax.random.normal(key, (3, 4, 5, 2))
    np.testing.assert_allclose(Conv().spread(jnp.zeros((3, 3, 1, 2)), post), post.mean(axis=(0, 1, 2)), atol=1e-6)
    np.testing.assert_allclose(Dense().spread(jnp.zeros((6, 4, 5, 2)), post), post.mean(axis=0), atol=1e-6)


def test_sparse_is_dense_with_masked_weights(key):
    """Absent synapses carry nothing and have no gradient, whatever number is stored in their place."""
    weight = jax.random.normal(key, MASK.shape)
    activity = jax.random.normal(jax.random.key(1), (4, 6))
    wish = jax.random.normal(jax.random.key(2), (4, 5))

    def loss(weight, connection):
        return jnp.sum(jnp.sin(connection.apply(weight, activity)) * wish)

    masked = jnp.where(MASK, weight, 0)
    np.testing.assert_allclose(loss(weight, Sparse(MASK)), loss(masked, Dense()), rtol=1e-5)
    gradient, dense = (jax.grad(loss)(weight, c) for c, weight in ((Sparse(MASK), weight), (Dense(), masked)))
    np.testing.assert_allclose(gradient, np.where(MASK, dense, 0), rtol=1e-5, atol=1e-6)
    assert np.abs(dense[~MASK]).min() > 0


def test_dense_flattens_a_source_of_several_axes(key):
    activity = jax.random.normal(key, (2, 3, 4))
    weight = jax.random.normal(key, (12, 5))
    np.testing.assert_allclose(Dense().apply(weight, activity), activity.reshape(2, 12) @ weight, rtol=1e-5)


def test_an_outer_product_of_few_columns_and_its_derivative(key):
    pre, post = jax.random.normal(key, (5, 40)), jax.random.normal(key, (5, 3))
    wish, weight = jax.random.normal(key, (40, 3)), jnp.zeros((40, 3))
    found, pull = jax.vjp(lambda pre, post: Dense().contract(weight, pre, post), pre, post)
    same, slope = jax.vjp(lambda pre, post: jnp.einsum("bi,bj->ij", pre, post), pre, post)
    tree_allclose((found, pull(wish)), (same, slope(wish)), rtol=1e-5, atol=1e-5)


def test_average_pool_is_the_mean_of_windows(key):
    activity = jax.random.normal(key, (2, 4, 6, 3))
    expected = activity.reshape(2, 2, 2, 3, 2, 3).mean(axis=(2, 4))
    np.testing.assert_allclose(AveragePool(2).apply(None, activity), expected, rtol=1e-5, atol=1e-6)
    oblong = activity[:, :, :3].mean(axis=2, keepdims=True).reshape(2, 2, 2, 1, 3).mean(axis=2)
    found = AveragePool((2, 3)).apply(None, activity[:, :, :5])  # two columns are left over
    np.testing.assert_allclose(found, oblong, rtol=1e-5, atol=1e-6)


def sizes(jaxpr):
    """Sizes of everything a program computes, inner programs included."""
    for equation in jaxpr.eqns:
        yield from (variable.aval.size for variable in equation.outvars)
        for inner in jaxprs_in_params(equation.params):
            yield from sizes(inner)


EVERY = np.ones((16, 24), bool)


@pytest.mark.parametrize("connection", [Dense(), Sparse(EVERY), Conv()], ids=["dense", "sparse", "conv"])
def test_outer_never_forms_a_product_for_each_example(connection):
    batch = 32
    source, target = ((4, 4, 4), (4, 4, 6)) if isinstance(connection, Conv) else ((16,), (24,))
    weight = (3, 3, 4, 6) if isinstance(connection, Conv) else (16, 24)
    shapes = [jnp.zeros(shape) for shape in (weight, (batch, *source), (batch, *target))]
    largest = max(sizes(jax.make_jaxpr(connection.outer)(*shapes).jaxpr))
    assert largest <= max(np.prod(weight), batch * np.prod(source), batch * np.prod(target))


def test_the_counter_of_sizes_sees_a_product_for_each_example():
    naive = jax.make_jaxpr(lambda a, b: jax.jit(lambda a, b: (a[:, :, None] * b[:, None, :]).mean(0))(a, b))
    assert max(sizes(naive(jnp.zeros((32, 16)), jnp.zeros((32, 24))).jaxpr)) == 32 * 16 * 24


def test_memory_of_plasticity_grows_with_activity_only():
    """Compiled STDP of 128 x 128 synapses: one example more costs its activities, far less than a weight."""
    cells, steps = 128, 4
    feed = Projection("a", "b", Dense(), jnp.ones((cells, cells)), STDP(), delay=1)
    network = Network({"a": Population(LIF(), cells), "b": Population(LIF(), cells)}, {"feed": feed})

    def footprint(batch):
        state = network.init(batch, key=jax.random.key(0))
        current = jnp.zeros((steps, batch, cells))
        read = lambda state: state.projections["feed"].plasticity.change.sum()  # noqa: E731
        simulation = jax.jit(lambda x, state: simulate(network, {"a": x}, state, record=read))
        return simulation.lower(current, state).compile().memory_analysis().temp_size_in_bytes

    per_example = (footprint(72) - footprint(8)) / 64
    assert per_example < 4 * 2 * cells * steps * 6
    assert per_example < 4 * cells * cells / 2
