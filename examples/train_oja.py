import jax
import jax.numpy as jnp
import optax
from oja import Oja

import metaplast as mp

k1, k2, k3 = jax.random.split(jax.random.key(0), 3)
cells = {"in": mp.Population(mp.Relay(), 20), "lif": mp.Population(mp.LIF(), 40), "out": mp.Population(mp.Relay(), 2)}
encode = mp.Projection("in", "lif", mp.Dense(), 3 * jax.random.normal(k1, (20, 40)), plasticity=Oja())
decode = mp.Projection("lif", "out", mp.Dense(), jax.random.normal(k2, (40, 2)))
label = jnp.arange(64) % 2  # which half of the inputs fires first?
first = (jnp.arange(20) < 10) == (label[:, None] == 0)
spikes = 1.0 * jax.random.bernoulli(k3, 0.3 * jnp.where(jnp.arange(60)[:, None, None] < 30, first, ~first))


def loss(network):
    start, read = network.init(64, key=k3), lambda state: state.populations["out"].activity
    output, _ = mp.simulate(network, {"in": spikes}, start, record=read)
    return optax.softmax_cross_entropy_with_integer_labels(output[30:].mean(0), label).mean()


network, adam = mp.Network(cells, {"encode": encode, "decode": decode}, dt=1.0), optax.adam(0.01)
state, update = adam.init(network), jax.jit(jax.value_and_grad(loss))
for _ in range(60):
    value, gradient = update(network)
    step, state = adam.update(gradient, state)
    network = mp.project(optax.apply_updates(network, step))
print(f"loss {value:.3f}, Oja's rate is now {network.projections['encode'].plasticity.rate:.4f}")
