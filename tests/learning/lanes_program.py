"""Run by `test_lanes` with two CPU devices: prints one JSON table of what it found."""

import json

import jax
import jax.numpy as jnp
import numpy as np

from learning_helpers import CRITERION, FAMILY, INTRINSIC, WEIGHTS, network
from metaplast.allocation import Allocation, learning_rates
from metaplast.learning import FiveTermLoss, GradientLearner, Lanes, learn_sequence

jax.config.update("jax_disable_most_optimizations", True)
LANES = 3


def difference(first, second) -> float:
    pairs = zip(jax.tree.leaves(first), jax.tree.leaves(second), strict=True)
    return max(float(np.abs(np.asarray(one, float) - np.asarray(two, float)).max()) for one, two in pairs)


def one_lane(rates, model, key):
    learner = GradientLearner(rates, FiveTermLoss())
    model, _, outcome = learn_sequence(
        learner, model, learner.init(model), FAMILY, CRITERION, key, jnp.arange(2), limit=20, batch=2
    )
    return model, outcome


model = network()
fixed, free = Allocation("fixed", WEIGHTS), Allocation("free", (*WEIGHTS, *INTRINSIC))
rates = learning_rates(model, [free, fixed, free], 3e-3, {})
models = jax.tree.map(lambda leaf: jnp.stack([leaf] * LANES), model)
keys = jax.random.split(jax.random.key(0), LANES).at[1].set(jax.random.key(5)).at[0].set(jax.random.key(5))
two = Lanes(one_lane, LANES)(rates, models, keys)
one = Lanes(one_lane, LANES, jax.devices()[:1])(rates, models, keys)
single = jax.jit(one_lane)
alone = [single(*jax.tree.map(lambda leaf, place=place: leaf[place], (rates, models, keys))) for place in range(LANES)]
alone = jax.tree.map(lambda *leaves: jnp.stack(leaves), *alone)
absent = jax.tree.map(lambda leaf: leaf[0], learning_rates(model, [fixed], 3e-3, {}))
without = jax.jit(one_lane)(absent, model, keys[1])
third = jax.tree.map(lambda leaf: leaf[1], two)
squares = Lanes(lambda a, b: {"sum": a + b, "square": a * a}, 5)(jnp.arange(5.0), jnp.ones(5))
divided = Lanes(one_lane, LANES)
program = divided.compile(rates, models, keys)
placed = program(*divided.place((rates, models, keys)))
spread = {len(leaf.sharding.device_set) for leaf in jax.tree.leaves(placed)}
print(
    json.dumps(
        {
            "devices": len(jax.devices()),
            "two devices against one": difference(two, one),
            "two devices against alone": difference(two, alone),
            "zero rates against none": difference(third, without),
            "conditions apart": difference(*(jax.tree.map(lambda leaf, i=i: leaf[i], two[0]) for i in (0, 1))),
            "updates": two[1].updates.tolist(),
            "sum": squares["sum"].tolist(),
            "square": squares["square"].tolist(),
            "devices of a placed result": sorted(spread),
            "program": program.func.as_text(),
        }
    )
)
