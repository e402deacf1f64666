"""A lesion leaves the network that remains, and nothing of the cells that are gone."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from learning_helpers import FAMILY, network, rates_of, updates
from metaplast.connections import Sparse
from metaplast.learning import FiveTermLoss, GradientLearner
from metaplast.models import Lesioned, RecurrentSpiking

GONE = np.array([0, 5, 6, 20])
ALIVE = np.isin(np.arange(24), GONE, invert=True)


def spoken(branches: int = 1, longest_delay: float = 0.0) -> RecurrentSpiking:
    """A network whose readout is not silent, and whose cells differ in all they have."""
    model = network(branches=branches, longest_delay=longest_delay)
    draw = np.random.default_rng(0)
    weight = jnp.asarray(draw.normal(0, 0.1, (24, 3)), jnp.float32)
    threshold = jnp.asarray(draw.uniform(0.8, 1.2, 24), jnp.float32)
    places = lambda m: (  # noqa: E731
        m.network.projections["readout"].weight,
        m.network.populations["recurrent"].neuron.threshold,
    )
    return eqx.tree_at(places, model, (weight, threshold))


def without(model: RecurrentSpiking) -> RecurrentSpiking:
    """A smaller network that never had the cells that are gone."""
    parts, cells = model.network.projections, model.network.populations["recurrent"]

    def shrunk(name: str, rows: bool, columns: bool):
        part = parts[name]
        pick = lambda array: (array[ALIVE] if rows else array)[..., ALIVE if columns else slice(None)]  # noqa: E731
        part = eqx.tree_at(lambda p: p.weight, part, pick(part.weight))
        if isinstance(part.connection, Sparse):
            part = eqx.tree_at(lambda p: p.connection.mask, part, pick(part.connection.mask))
        return part

    projections = {
        "input": shrunk("input", False, True),
        "recurrent": shrunk("recurrent", True, True),
        "readout": shrunk("readout", True, False),
    }
    keep = lambda leaf: leaf[..., ALIVE] if leaf.ndim else leaf  # noqa: E731
    neuron, bias = jax.tree.map(keep, (cells.neuron, cells.bias))
    fewer = type(cells)(neuron, int(ALIVE.sum()), cells.intrinsic, bias)
    populations = model.network.populations | {"recurrent": fewer}
    return RecurrentSpiking(type(model.network)(populations, projections, model.network.dt))


def test_what_remains_is_the_network_that_never_had_those_cells(key):
    model = spoken(branches=2)
    trials = FAMILY.sample(key).trials(key, 4)
    lesioned, small = Lesioned(model, jnp.asarray(ALIVE)), without(model)
    found, wanted = (eqx.filter_jit(type(m).respond)(m, trials.inputs, key) for m in (lesioned, small))
    assert wanted.activity.sum() > 20
    np.testing.assert_allclose(found.output, wanted.output, atol=1e-5)
    np.testing.assert_allclose(found.hidden[..., ALIVE], wanted.hidden, atol=1e-5)
    assert not found.hidden[..., GONE].any()
    assert not found.activity[..., GONE].any()
    for ours, theirs in zip(lesioned.weights(), small.weights(), strict=True):
        np.testing.assert_allclose(jnp.sum(ours**2), jnp.sum(theirs**2), rtol=1e-6)


def test_an_axon_dies_with_its_cell(key):
    """What silenced cells send, late as it may arrive, changes nothing; what the others send does."""
    model = spoken(longest_delay=4 * FAMILY.dt)
    inputs = FAMILY.sample(key).trials(key, 4).inputs
    respond = eqx.filter_jit(lambda model, alive: Lesioned(model, jnp.asarray(alive)).respond(inputs, key))
    louder = lambda cells: eqx.tree_at(  # noqa: E731
        lambda m: m.network.projections["recurrent"].weight,
        model,
        replace_fn=lambda weight: weight.at[np.asarray(cells)].mul(3.0),
    )
    found = respond(model, ALIVE)
    assert found.activity.sum() > 20
    np.testing.assert_array_equal(found.output, respond(louder(GONE), ALIVE).output)
    assert not np.allclose(found.output, respond(louder([1, 2, 3]), ALIVE).output)


def test_without_a_lesion_nothing_changes(key):
    model = spoken()
    trials = FAMILY.sample(key).trials(key, 4)
    intact = Lesioned(model, jnp.ones(24, bool))
    found, wanted = (eqx.filter_jit(type(m).respond)(m, trials.inputs, key) for m in (intact, model))
    assert all(np.array_equal(*pair) for pair in zip(found, wanted, strict=True))
    assert all(np.array_equal(*pair) for pair in zip(intact.weights(), model.weights(), strict=True))


def test_silenced_cells_learn_nothing_and_the_others_do(key):
    """Every price is set high, so that none of them can move a silenced cell unseen."""
    model, alive = spoken(), jnp.asarray(ALIVE)
    lesioned = Lesioned(model, alive)
    learner = GradientLearner(Lesioned(rates_of(model, "*"), None), FiveTermLoss(1.0, 1.0, 1.0, 1.0))
    after, _, _ = updates(learner, lesioned, learner.init(lesioned), FAMILY.sample(key), 3)
    cells = [(m.network.populations["recurrent"], m.network.projections) for m in (model, after.model)]
    (before, sent), (now, sent_now) = cells
    for name in ("tau_dendrite", "tau_soma", "threshold"):
        same = np.equal(getattr(before.neuron, name), getattr(now.neuron, name)).reshape(-1, 24).all(axis=0)
        assert same[GONE].all()
        assert not same[ALIVE].all()
    for name in ("recurrent", "readout"):
        same = np.equal(sent[name].weight, sent_now[name].weight).reshape(24, -1)
        assert same[GONE].all()
        assert not same[ALIVE].all(axis=1).any()
    for name in ("input", "recurrent"):
        assert np.array_equal(sent[name].weight[..., GONE], sent_now[name].weight[..., GONE])
    assert np.array_equal(before.bias[..., GONE], now.bias[..., GONE])
