"""What the engine does ahead of time gives the numbers and gradients of the plain way, step by step."""

from functools import partial

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from helpers import tree_allclose
from metaplast.connections import Conv, Dense, EventDense
from metaplast.hoisting import through
from metaplast.mechanism import chain
from metaplast.network import Network, Population, Projection
from metaplast.neurons import LIF, LeakyIntegrator, Relay
from metaplast.plasticity import STDP, HebbianSynapse
from metaplast.simulate import simulate

STEPS, BATCH, PRE, POST = 6, 3, 12, 9


def network(connection=None, attenuation=None, delay=0, rule=None, scale=0.1):
    """Slow and Hebbian channel from an input to spiking cells, and a spiking readout with a trace of its own."""
    rng = np.random.default_rng(0)
    rule = rule or HebbianSynapse(
        beta=rng.uniform(0.1, 0.5, PRE), eta=rng.uniform(-0.2, 0.2, POST), keep=0.9, attenuation=attenuation
    )
    weight = rng.normal(0.25, 0.5, (PRE, POST))
    top = HebbianSynapse(beta=rng.uniform(0.1, 0.5, POST), eta=rng.uniform(-0.2, 0.2, 2))
    return Network(
        {
            "input": Population(Relay(), PRE),
            "cells": Population(LIF(tau=3.0), POST, bias=jnp.full(POST, 0.1)),
            "readout": Population(LeakyIntegrator(tau=3.0), 2),
        },
        {
            "slow": Projection("input", "cells", connection or Dense(), weight, delay=delay),
            "fast": Projection("input", "cells", connection or Dense(), scale * weight, rule, gain=0.7, delay=delay),
            "out": Projection("cells", "readout", Dense(), rng.normal(size=(POST, 2))),
            "top": Projection("cells", "readout", Dense(), jnp.zeros((POST, 2)), top, gain=0.3),
        },
    )


def inputs(constant):
    x = np.random.default_rng(1).random((1 if constant else STEPS, BATCH, PRE))
    return jnp.asarray(x, jnp.float32)


def watch(state):
    return state.populations["cells"].activity, state.populations["readout"].activity


def spread_out(x):
    return jnp.broadcast_to(x, (STEPS, *x.shape[1:]))


@eqx.filter_jit
def play(net, x, state, **options):
    return simulate(net, {"input": x}, state, record=watch, **options)


@eqx.filter_jit
@partial(eqx.filter_value_and_grad, has_aux=True)
def loss(net, x, state, options):
    (sent, read), end = simulate(net, {"input": x}, state, record=watch, **options)
    wish = jnp.sin(jnp.arange(read.size, dtype=read.dtype)).reshape(read.shape)
    traces = [jnp.sum(jnp.square(end.projections[name].plasticity.trace)) for name in ("fast", "top")]
    return jnp.mean(jnp.square(read - wish)) + jnp.mean(sent) + sum(traces), end


@pytest.mark.parametrize(
    ("constant", "options", "deferred"),
    [
        (True, {}, True),
        pytest.param(True, {"attenuation": 5.0}, False, marks=pytest.mark.slow),
        (True, {"delay": 2, "connection": EventDense()}, True),
        (False, {"attenuation": 5.0}, True),
        pytest.param(False, {"delay": 1}, False, marks=pytest.mark.slow),
        (True, {"scale": 0.0}, True),
        (False, {"scale": 0.0}, False),
    ],
)
def test_foresight_is_the_plain_way(constant, options, deferred):
    net, x = network(**options), inputs(constant)
    state = net.init(BATCH, key=jax.random.key(0))
    (value, end), gradient = loss(net, x, state, {"steps": STEPS, "deferred": deferred})
    plain = {"deferred": deferred, "foresight": False}
    (same, finish), slope = loss(net, spread_out(x), state, plain)
    np.testing.assert_allclose(value, same, rtol=1e-5)
    tree_allclose(end, finish, rtol=1e-5, atol=1e-5)
    tree_allclose(gradient, slope, rtol=1e-4, atol=1e-5)
    assert min(np.abs(leaf).max() for leaf in jax.tree.leaves(slope.projections["fast"])) > 1e-4
    assert 0.05 < watch(end)[0].mean() < 0.95


@pytest.mark.parametrize(
    ("constant", "options"),
    [
        (True, {"delay": 2}),
        (False, {"attenuation": 5.0}),
        pytest.param(True, {"attenuation": 5.0}, marks=pytest.mark.slow),
        pytest.param(False, {"delay": 2}, marks=pytest.mark.slow),
    ],
)
def test_a_run_with_foresight_resumes_in_the_middle(constant, options):
    """2 + 4 steps are 6, and so are segments of 4 with their states between them."""
    net, x = network(**options), inputs(constant)
    state = net.init(BATCH, key=jax.random.key(0))
    whole, end = play(net, x, state, steps=STEPS)
    parts = (x, x) if constant else (x[:2], x[2:])
    first, middle = play(net, parts[0], state, steps=2)
    second, resumed = play(net, parts[1], middle, steps=STEPS - 2)
    tree_allclose(jax.tree.map(lambda a, b: jnp.concatenate([a, b]), first, second), whole)
    tree_allclose(resumed, end, rtol=1e-4, atol=1e-5)
    tree_allclose(play(net, x, state, steps=STEPS, checkpoint=4), (whole, end))


def formed(jaxpr, shape, names=()):
    """Equations anywhere in a program that make an array of `shape` or its transpose (by these primitives only)."""
    found = 0
    for equation in jaxpr.eqns:
        found += (not names or equation.primitive.name in names) and any(
            getattr(v.aval, "shape", None) in (shape, shape[::-1]) for v in equation.outvars
        )
        for inner in jax.tree.leaves(equation.params, is_leaf=lambda p: hasattr(p, "eqns") or hasattr(p, "jaxpr")):
            inner = getattr(inner, "jaxpr", inner)
            found += formed(inner, shape, names) if hasattr(inner, "eqns") else 0
    return found


def scans(jaxpr):
    for equation in jaxpr.eqns:
        if equation.primitive.name == "scan":
            yield equation.params["jaxpr"].jaxpr
        for inner in jax.tree.leaves(equation.params, is_leaf=lambda p: hasattr(p, "eqns") or hasattr(p, "jaxpr")):
            inner = getattr(inner, "jaxpr", inner)
            yield from scans(inner) if hasattr(inner, "eqns") else ()


@pytest.mark.parametrize("constant", [True, False])
def test_with_foresight_no_step_forms_a_weight(constant):
    net, x = network(), inputs(constant)
    state = net.init(BATCH, key=jax.random.key(0))

    def in_steps(options):
        run = lambda x: simulate(net, {"input": x}, state, record=watch, deferred=False, **options)  # noqa: E731
        return sum(formed(inner, (PRE, POST)) for inner in scans(jax.make_jaxpr(run)(x).jaxpr))

    assert in_steps({"steps": STEPS}) == 0
    assert in_steps({"steps": STEPS, "foresight": False}) > 0


def test_the_derivative_of_what_is_held_is_a_product_not_a_sum_over_time():
    held = lambda x: jnp.vdot(through(x, STEPS), jnp.arange(STEPS * 6.0).reshape(STEPS, 2, 3))  # noqa: E731
    x = jnp.ones((1, 2, 3))
    assert "reduce_sum" not in str(jax.make_jaxpr(jax.grad(held))(x))
    np.testing.assert_allclose(jax.grad(held)(x), np.arange(STEPS * 6.0).reshape(STEPS, 2, 3).sum(0, keepdims=True))


def test_where_a_trace_is_watched_it_is_formed_at_every_step():
    net, x = network(), inputs(True)
    state = net.init(BATCH, key=jax.random.key(0))
    seen = lambda state: state.projections["fast"].plasticity.trace  # noqa: E731
    traces, _ = simulate(net, {"input": x}, state, steps=STEPS, record=seen)
    assert traces.shape == (STEPS, PRE, POST)
    # What a step has taught is seen at the next one, or at the end.
    _, end = simulate(net, {"input": x}, state, steps=STEPS - 1, record=seen)
    np.testing.assert_allclose(traces[-1], seen(end), rtol=1e-6)


@pytest.mark.parametrize("rule", [STDP(), chain(HebbianSynapse(beta=0.3)), chain(HebbianSynapse(), STDP())])
def test_other_rules_and_chains_are_as_they_were(rule):
    net, x = network(rule=rule), inputs(True)
    state = net.init(BATCH, key=jax.random.key(0))
    found = play(net, x, state, steps=STEPS)
    tree_allclose(found, play(net, spread_out(x), state, foresight=False), rtol=1e-5, atol=1e-5)


def test_on_a_kernel_there_is_no_foresight():
    rule = HebbianSynapse(beta=0.2)
    net = Network(
        {"input": Population(Relay(), (4, 4, 2)), "cells": Population(LIF(tau=3.0), (4, 4, 9))},
        {"fast": Projection("input", "cells", Conv(), np.full((3, 3, 2, 9), 0.3), rule)},
    )
    x = jnp.asarray(np.random.default_rng(2).random((1, 2, 4, 4, 2)), jnp.float32)
    state = net.init(2, key=jax.random.key(0))
    read = lambda state: state.populations["cells"].neuron.voltage  # noqa: E731
    one = simulate(net, {"input": x}, state, record=read, steps=4)
    other = simulate(net, {"input": jnp.repeat(x, 4, 0)}, state, record=read, foresight=False)
    tree_allclose(one, other)


def test_a_constant_input_enters_in_one_product():
    net, x = network(), inputs(True)
    state = net.init(BATCH, key=jax.random.key(0))
    run = lambda x: simulate(net, {"input": x}, state, record=watch, steps=STEPS)  # noqa: E731
    wide = lambda x: formed(jax.make_jaxpr(run)(x).jaxpr, (STEPS * BATCH, POST), ("dot_general",))  # noqa: E731
    assert wide(x) == 0
    assert wide(spread_out(x)) > 0


def test_what_is_recorded_of_a_constant_input_has_all_steps():
    net, x = network(), inputs(True)
    state = net.init(BATCH, key=jax.random.key(0))
    read = lambda state: state.populations["input"].activity  # noqa: E731
    np.testing.assert_array_equal(simulate(net, {"input": x}, state, record=read, steps=STEPS)[0], spread_out(x))


@pytest.mark.parametrize(("length", "message"), [(3, "3 steps, expected 1, for a constant, or 6"), (0, "0 steps")])
def test_an_input_of_another_length_is_refused(length, message):
    net = network()
    state = net.init(BATCH, key=jax.random.key(0))
    with pytest.raises(ValueError, match=message):
        simulate(net, {"input": jnp.zeros((length, BATCH, PRE))}, state, record=watch, steps=STEPS)
