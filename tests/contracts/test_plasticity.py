"""A rule is written once: it must work in every geometry that has a weight, and let go of its change cleanly."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from helpers import (
    ADDITIVE,
    FINISHED,
    MULTIPLICATIVE,
    NEURON_EXAMPLES,
    PLASTICITY_EXAMPLES,
    RESTLESS,
    WEIGHTED,
    WIRINGS,
    build,
    conv_index,
    make_inputs,
    run,
    scene,
    share,
    tree_allclose,
    unshare,
)
from metaplast.connections import Dense
from metaplast.mechanism import chain
from metaplast.network import Network, Population, Projection, consolidate
from metaplast.neurons import Relay
from metaplast.plasticity import PLASTICITY
from metaplast.signals import Local, Transmission
from metaplast.simulate import simulate

RULES = sorted(PLASTICITY)


def effective_weight(made, state, *, silent=False):
    """What the rule on `feed` makes of its weight at one more step."""
    projection, target = made.network.projections["feed"], state.populations["cells"]
    pre = state.populations["input"].activity
    if silent:
        pre, target = jnp.zeros_like(pre), target._replace(activity=jnp.zeros_like(target.activity))
    local = projection.local(pre, target, made.network.dt)
    flow = Transmission(pre, projection.weight)
    return projection.plasticity.update(flow, state.projections["feed"].plasticity, local)[0].weight


@pytest.mark.parametrize("wiring", WEIGHTED)
@pytest.mark.parametrize("name", RULES)
def test_a_rule_works_in_every_geometry(name, wiring):
    made = scene("plasticity", name, wiring)
    _, state = run(*made)
    weight, before = effective_weight(made, state), made.network.projections["feed"].weight
    assert weight.shape == before.shape
    assert np.isfinite(weight).all()
    assert np.abs(weight - before).max() > 1e-4


@pytest.mark.parametrize("name", [name for name in RULES if name not in MULTIPLICATIVE])
def test_a_rule_works_on_synapses_of_several_branches(name):
    """A cell has one activity for all its branches, so the branches of a synapse change alike."""
    network = build(WIRINGS["dense"], NEURON_EXAMPLES["dendritic-lif"], PLASTICITY_EXAMPLES[name], chain())
    state = run(network, make_inputs(network, 2), network.init(2, key=jax.random.key(0)))[1]
    after, _ = consolidate(network, state)
    change = after.projections["feed"].weight - network.projections["feed"].weight
    assert np.abs(change).max() > 1e-4
    np.testing.assert_allclose(change[:, 0], change[:, 1], atol=1e-5)


@pytest.mark.parametrize("name", RULES)
def test_consolidation_keeps_the_effective_weight(name):
    """The last effective weight, read by one step in silence, is in the weight; the state holds nothing more of it.

    A silent step of a trace that decays would shrink it, so the comparison is with the weight of the last step. A rule
    that takes in what this step taught at the end of a simulation does not decay before the next, and has it too.
    """
    made = scene("plasticity", name)
    _, middle = run(made.network, {k: v[:-1] for k, v in made.inputs.items()}, made.state)
    last = {k: v[-1:] for k, v in made.inputs.items()}
    _, end = run(made.network, last, middle)
    used = (
        effective_weight(made, end, silent=True)
        if name in FINISHED
        else effective_weight(made, shifted(made, middle, last))
    )
    network, cleared = consolidate(made.network, end)
    assert np.abs(network.projections["feed"].weight - made.network.projections["feed"].weight).max() > 1e-4
    tree_allclose(network.projections["feed"].weight, used)
    next_one = effective_weight(made._replace(network=network), cleared, silent=True)
    if name in RESTLESS:
        assert np.abs(next_one - used).max() < 0.1 * np.abs(used - made.network.projections["feed"].weight).max()
    else:
        tree_allclose(next_one, used)


def shifted(made, state, last):
    """`state` with the signal that arrives at its next step in place of what the input sent: feed has delay 2."""
    arriving = state.projections["feed"].buffer[0]
    return state._replace(
        populations={**state.populations, "input": state.populations["input"]._replace(activity=arriving)}
    )


def test_consolidation_leaves_static_projections_and_other_state_alone():
    made = scene("plasticity", "stdp")
    _, state = run(*made)
    network, cleared = consolidate(made.network, state)
    for name in ("loop", "teach", "out"):
        tree_allclose(network.projections[name], made.network.projections[name], rtol=0, atol=0)
    tree_allclose(cleared.populations, state.populations)
    tree_allclose(cleared.projections["loop"], state.projections["loop"])


@pytest.mark.parametrize("name", ADDITIVE)
def test_a_rule_on_a_kernel_is_the_dense_rule_summed_over_its_places(name):
    """Same activity on both sides (what arrives has gain 0), so the changes differ only by their geometry."""
    wiring, rule = WIRINGS["conv"], PLASTICITY_EXAMPLES[name]
    index = conv_index(wiring.weight, wiring.source, 1, "SAME")
    kernel = np.random.default_rng(0).normal(size=wiring.weight)
    matrix = unshare(kernel, index).reshape(np.prod(wiring.source), *wiring.target)
    changes = []
    for connection, weight in ((wiring.connection, kernel), (Dense(), matrix)):
        feed = Projection("input", "cells", connection, weight, rule, gain=jnp.zeros(()))
        network = Network(
            {"input": Population(Relay(), wiring.source), "cells": Population(Relay(), wiring.target)}, {"feed": feed}
        )
        shapes = {"input": wiring.source, "cells": wiring.target}
        rng = np.random.default_rng(1)
        inputs = {k: (rng.random((20, 2, *shape)) < 0.3).astype(np.float32) for k, shape in shapes.items()}
        state = play(network, inputs)
        changes.append(np.asarray(consolidate(network, state)[0].projections["feed"].weight) - weight)
    assert np.abs(changes[0]).max() > 1e-3
    present = share(changes[1].reshape(index.shape), index, wiring.weight)
    np.testing.assert_allclose(changes[0], present, rtol=1e-4, atol=1e-5)


@eqx.filter_jit
def play(network, inputs):
    state = network.init(2, key=jax.random.key(0))
    return simulate(network, inputs, state, record=lambda state: ())[1]


@pytest.mark.parametrize("name", RULES)
def test_a_shared_weight_changes_by_the_mean_over_the_batch(name):
    """One step of two examples, against each of them alone, from a state that both share."""
    rule, connection = PLASTICITY_EXAMPLES[name], Dense()
    weight = jnp.ones((6, 5))
    rng = np.random.default_rng(2)
    pre, post, voltage = (jnp.asarray(rng.random((2, size)), jnp.float32) for size in (6, 5, 5))

    def change(rows):
        local = Local(
            pre[rows],
            post[rows],
            voltage[rows],
            jnp.ones_like(post[rows]),
            1.0,
            outer=lambda a, b: connection.outer(weight, a, b),
            spread=lambda a: connection.spread(weight, a),
        )
        flow = Transmission(pre[rows], weight)
        state = rule.init(flow, local, jax.random.key(0))
        for _ in range(1 if name in MULTIPLICATIVE else 3):
            flow, state = rule.update(Transmission(pre[rows], weight), state, local)
        return np.asarray(flow.weight - weight)

    alone = [change(slice(i, i + 1)) for i in range(2)]
    assert np.abs(alone[0] - alone[1]).max() > 1e-4
    np.testing.assert_allclose(change(slice(0, 2)), np.mean(alone, axis=0), atol=1e-6)
