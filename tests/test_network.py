"""Networks say what is wrong with them when they are built, by name."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from helpers import raw, scene, tree_allclose
from metaplast.connections import AveragePool, Conv, Dense
from metaplast.intrinsic import Noise
from metaplast.mechanism import chain
from metaplast.network import Network, Population, Projection
from metaplast.neurons import LIF, DendriticLIF, Relay
from metaplast.plasticity import STDP, HebbianTrace
from metaplast.signals import Transmission
from metaplast.simulate import simulate

CELLS = {"a": Population(Relay(), 3), "b": Population(LIF(), 4)}
IMAGES = {"a": Population(Relay(), (4, 4, 2)), "b": Population(LIF(), (4, 4, 3))}


def joined(populations=CELLS, weight=(3, 4), connection=None, dt=1.0, **options):
    source, target = options.pop("source", "a"), options.pop("target", "b")
    weight = None if weight is None else jnp.ones(weight)
    projection = Projection(source, target, connection or Dense(), weight, **options)
    return Network(populations, {"ab": projection}, dt=dt)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"weight": (5, 4)}, r"projections\.ab \(a \(3,\) -> b \(4,\)\): its weight of shape \(5, 4\) does not fit"),
        ({"weight": (3, 5)}, r"projections\.ab .* gives a current of \(5,\), expected \(4,\)"),
        ({"weight": None}, r"projections\.ab .* shape None does not fit"),
        ({"weight": (3, 2), "port": "modulator"}, r"projections\.ab .* \(2,\), expected \(4,\)"),
        ({"gain": jnp.ones(3)}, r"projections\.ab"),
        ({"source": "c"}, r"projections\.ab names population 'c'; there are: a, b"),
        ({"target": "c"}, r"projections\.ab names population 'c'; there are: a, b"),
        ({"target": "a", "weight": (3, 3)}, r"the loop a -> a has no delay"),
        ({"delay": -1}, r"delay is -1"),
        ({"delay": 1.5}, r"delay is 1\.5"),
        ({"delay": None}, r"delay is None"),
        ({"port": "dopamine"}, r"port is 'dopamine'.*current, modulator"),
        ({"dt": 0.0}, r"dt is 0\.0 ms"),
        ({"dt": -1.0}, r"dt is -1\.0 ms"),
        ({"populations": IMAGES, "connection": Conv(), "weight": (3, 3, 1, 3)}, r"projections\.ab .*\(3, 3, 1, 3\)"),
        (
            {"populations": IMAGES, "connection": Conv(), "weight": (3, 3, 2, 4)},
            r"projections\.ab .*expected \(4, 4, 3\)",
        ),
        ({"populations": IMAGES, "connection": AveragePool(), "weight": None}, r"projections\.ab .*\(2, 2, 2\)"),
        ({"weight": None, "plasticity": STDP()}, r"a -> b is plastic and has no weight"),
    ],
)
def test_what_does_not_fit_is_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        joined(**arguments)


@pytest.mark.parametrize("shape", [(3,), (7, 4), (2, 1, 4)])
def test_a_bias_must_fit_its_population(shape):
    with pytest.raises(ValueError, match=r"populations\.b: its bias has shape"):
        Network({"b": Population(DendriticLIF(branches=2), 4, bias=jnp.ones(shape))}, {})


@pytest.mark.parametrize("shape", [(), (1,), (4,), (2, 1), (2, 4)])
def test_a_bias_may_broadcast(shape):
    Network({"b": Population(DendriticLIF(branches=2), 4, bias=jnp.ones(shape))}, {})


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({}, "inputs is empty"),
        ({"c": (5, 2, 3)}, r"inputs names population 'c'; there are: a, b"),
        ({"a": (5, 2, 4)}, r"inputs\['a'\] has shape \(5, 2, 4\), expected \[time, \*\(2, 3\)\]"),
        ({"a": (5, 3, 3)}, r"inputs\['a'\] has shape"),
        ({"a": (2, 3)}, r"inputs\['a'\] has shape"),
        ({"a": (5, 2, 3), "b": (6, 2, 4)}, r"inputs\['b'\] has 6 steps, another input has 5"),
    ],
)
def test_inputs_that_do_not_fit_are_named(inputs, message):
    network = joined()
    state = network.init(2, key=jax.random.key(0))
    with pytest.raises(ValueError, match=message):
        simulate(network, {k: jnp.ones(shape) for k, shape in inputs.items()}, state, record=lambda s: ())


def test_other_misuse_of_a_simulation_is_named():
    network = joined(delay=3)
    state, inputs = network.init(2, key=jax.random.key(0)), {"a": jnp.ones((5, 2, 3))}
    with pytest.raises(ValueError, match=r"record reads projections\.ab\.buffer"):
        simulate(network, inputs, state, record=lambda s: s.projections["ab"].buffer)
    with pytest.raises(ValueError, match="checkpoint is 0"):
        simulate(network, inputs, state, record=lambda s: s.populations["b"].activity, checkpoint=0)


def test_a_chain_takes_mechanisms_only():
    with pytest.raises(TypeError, match=r"chain\(\.\.\.\) takes mechanisms, got LIF"):
        chain(STDP(), LIF())


def test_a_chain_hands_the_flow_on():
    rules = HebbianTrace(alpha=0.5, theta=-1.0), STDP(a_plus=0.4)
    network = joined(plasticity=chain(*rules))
    pre, weight = jnp.ones((2, 3)), jnp.ones((3, 4))
    projection, target = network.projections["ab"], network.init(2, key=jax.random.key(0)).populations["b"]
    local = projection.local(pre, target._replace(activity=jnp.ones((2, 4))), 1.0)
    changes = []
    for rule in (*rules, projection.plasticity):
        state = rule.init(Transmission(pre, weight), local, jax.random.key(0))
        for _ in range(2):
            flow, state = rule.update(Transmission(pre, weight), state, local)
        changes.append(flow.weight - weight)
    assert np.abs(changes[0]).min() > 0
    assert np.abs(changes[1]).min() > 0
    np.testing.assert_allclose(changes[2], changes[0] + changes[1], rtol=1e-5)


def test_a_state_does_not_depend_on_the_order_in_which_parts_were_named():
    """Tree operations sort dictionaries; random states must not change with that."""
    noisy = Population(LIF(), 2, Noise())
    ends = [Network(dict.fromkeys(order, noisy), {}).init(1, key=jax.random.key(0)) for order in ("ab", "ba")]
    mapped = jax.tree.map(lambda leaf: leaf, Network(dict.fromkeys("ba", noisy), {}))
    ends.append(eqx.filter_jit(lambda network: network.init(1, key=jax.random.key(0)))(mapped))
    noise = [raw(end.populations["a"].intrinsic.noise) for end in ends]
    np.testing.assert_array_equal(noise[0], noise[1])
    np.testing.assert_allclose(noise[0], noise[2], rtol=1e-6)


@pytest.mark.parametrize("kind", [bool, np.int32, np.float32])
def test_inputs_may_be_spikes_of_any_type(kind):
    """Events come as booleans or counts; the gradient of a recurrent weight must not depend on that."""
    loop = Projection("b", "b", Dense(), jnp.full((4, 4), 0.1), delay=1)
    network = Network({"b": Population(LIF(tau=2.0), 4, bias=jnp.asarray(1.0))}, {"loop": loop})
    current = (np.random.default_rng(0).random((8, 1, 4)) < 0.5).astype(kind)

    def loss(network):
        state = network.init(1, key=jax.random.key(0))
        return simulate(network, {"b": current}, state, record=lambda s: s.populations["b"].neuron.voltage)[0].sum()

    expected = eqx.filter_grad(loss)(network).projections["loop"].weight
    current = current.astype(np.float32)
    assert np.abs(expected).max() > 0
    np.testing.assert_array_equal(expected, eqx.filter_grad(loss)(network).projections["loop"].weight)


def test_a_population_may_have_any_name_and_the_whole_state_may_be_recorded():
    """`values` and `items` are also what a dictionary calls its methods."""
    feed = Projection("values", "items", Dense(), jnp.ones((3, 4)))
    network = Network({"values": Population(Relay(), 3), "items": Population(LIF(tau=3.0), 4)}, {"feed": feed})
    state = network.init(2, key=jax.random.key(0))
    recorded, end = simulate(network, {"values": jnp.ones((6, 2, 3))}, state, record=lambda state: state)
    assert recorded.populations["items"].activity.sum() > 0
    tree_allclose(jax.tree.map(lambda leaf: leaf[-1], recorded), end)


def test_recording_keeps_what_it_reads():
    network, inputs, state = scene("plasticity", "stdp")
    record = lambda s: {"change": s.projections["echo"].plasticity.change, "constant": jnp.ones(2)}  # noqa: E731
    recorded, end = simulate(network, inputs, state, record=record)
    assert recorded["constant"].shape == (50, 2)
    np.testing.assert_allclose(recorded["change"][-1], end.projections["echo"].plasticity.change)
    assert np.abs(np.diff(recorded["change"], axis=0)).max() > 0
