"""What every component must keep when a network around it runs."""

import jax
import numpy as np
import pytest

from helpers import (
    COMPONENTS,
    RANDOM,
    STEPS,
    TRACES,
    WEIGHTED,
    WIRINGS,
    one_example,
    raw,
    run,
    scene,
    tree_allclose,
    watch,
    window,
)
from metaplast.params import is_parameter, project
from metaplast.simulate import simulate

STATIC = [pair for pair in COMPONENTS if pair[0] != "plasticity" and pair[1] not in RANDOM]


@pytest.mark.parametrize(("kind", "name"), COMPONENTS)
def test_jit_equals_eager(kind, name):
    made = scene(kind, name)
    with jax.disable_jit():
        eager = simulate(made.network, window(made.inputs, 0, 12), made.state, record=watch)[0]
    tree_allclose(jax.tree.map(lambda x: x[:12], run(*made)[0]), eager)


@pytest.mark.parametrize(("kind", "name"), STATIC)
def test_a_batch_runs_as_its_examples_one_by_one(kind, name):
    made = scene(kind, name)
    together = run(*made)[0]
    for index in range(2):
        alone = run(*one_example(made, index))[0]
        tree_allclose(alone, jax.tree.map(lambda x, i=index: x[:, i : i + 1], together))


@pytest.mark.parametrize("name", sorted(RANDOM))
def test_a_random_mechanism_is_independent_over_the_batch_and_follows_its_key(name):
    made = scene("intrinsic", name)
    quiet = {population: np.zeros_like(current) for population, current in made.inputs.items()}
    states = [made.network.init(3, key=jax.random.key(seed)) for seed in (1, 1, 2)]
    first, again, other = (
        raw(run(made.network, quiet, state)[1].populations["cells"].neuron.voltage) for state in states
    )
    np.testing.assert_array_equal(first, again)
    assert not np.allclose(first, other)
    assert not np.allclose(first[0], first[1])


@pytest.mark.parametrize("name", WEIGHTED)
def test_outer_is_the_mean_of_the_examples(name, key):
    wiring = WIRINGS[name]
    pre = jax.random.normal(key, (7, *wiring.source))
    post = jax.random.normal(jax.random.key(3), (7, *wiring.target))
    weight = jax.random.normal(key, wiring.weight)
    outer = jax.jit(lambda pre, post: wiring.connection.outer(weight, pre, post))
    single = [outer(pre[i : i + 1], post[i : i + 1]) for i in range(7)]
    batch = outer(pre, post)
    assert batch.shape == wiring.weight
    assert np.abs(batch).max() > 0.1
    np.testing.assert_allclose(batch, np.mean(single, axis=0), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("kind", "name"), COMPONENTS)
def test_a_run_resumes_in_the_middle(kind, name):
    """25 + 25 steps are 50, with signals still under way in delays and with the noise where it was."""
    made = scene(kind, name)
    whole, end = run(*made)
    first, middle = run(made.network, window(made.inputs, 0, 25), made.state)
    second, resumed = run(made.network, window(made.inputs, 25, STEPS), middle)
    joined = jax.tree.map(lambda a, b: np.concatenate([a, b]), first, second)
    tree_allclose(joined, jax.tree.map(np.asarray, whole))
    tree_allclose(resumed, end)


@pytest.mark.parametrize(("kind", "name"), COMPONENTS)
def test_one_trace_serves_states_and_updated_parameters(kind, name):
    made = scene(kind, name)
    _, state = run(*made)
    before = len(TRACES)
    run(made.network, made.inputs, state)
    updated = project(jax.tree.map(lambda leaf: leaf - 0.01 * leaf if is_parameter(leaf) else leaf, made.network))
    run(updated, made.inputs, state)
    assert len(TRACES) == before


def test_a_trace_is_counted():
    made = scene()
    before = len(TRACES)
    run(made.network, window(made.inputs, 0, 3), made.state)
    assert len(TRACES) == before + 1


def test_examples_are_not_all_alike():
    """The contracts above would hold for one component copied under every name."""
    names = [pair for pair in COMPONENTS if pair[0] != "connection"]
    sent = {round(float(raw(run(*scene(*pair))[0][1]).sum()), 3) for pair in names}
    assert len(sent) == len(names)
