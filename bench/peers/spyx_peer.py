"""Spyx side of the benchmark: `LIF` and `RLIF` scanned by `spyx.nn.run` under one jit.

The file is not called spyx.py because it would then hide the library itself.
"""

from argparse import Namespace
from importlib.metadata import version

import jax
import jax.numpy as jnp
import numpy as np
import protocol
import spyx.axn
import spyx.nn
from flax import nnx

WEIGHTS = {"kernel": "w_in", "recurrent_w": "w_rec"}
DYNAMICS = (
    "s_t = (v_{t-1} > threshold); v_t = beta*v_{t-1} + I_t - threshold*s_t, gradient through s_t; v_{-1} = 0; "
    + protocol.ARCTAN
)
SEMANTICS = (
    "The only reset the library has: it fires on the membrane of the step before, so the spikes come one step late "
    "(s_0 = 0, the spike of the last membrane is never emitted), and subtracts the undecayed threshold; not detached."
)


class Layer(nnx.Module):
    """A bias-free linear layer followed by a spiking neuron."""

    def __init__(self, shape: tuple[int, int], neuron: nnx.Module, rngs: nnx.Rngs):
        """Make the linear layer for an [in, out] shape and keep the neuron."""
        self.linear = nnx.Linear(*shape, use_bias=False, rngs=rngs)
        self.neuron = neuron

    def __call__(self, x: jax.Array) -> jax.Array:
        """Spikes [T, B, N] of the inputs [T, B, M]; one matrix product over all steps."""
        return spyx.nn.run(self.neuron, self.linear(x))[0]


def make_workload(neuron_type: type, inputs: dict[str, np.ndarray], current: str) -> protocol.Workload:
    """Compile forward plus backward of the sum of the spikes for one neuron type."""
    rngs = nnx.Rngs(0)
    activation = spyx.axn.custom(bwd=lambda v: 1 / (1 + (jnp.pi * v) ** 2))
    size = inputs["w_in"].shape[1]
    options = {"beta": protocol.BETA, "threshold": protocol.THRESHOLD, "activation": activation}
    model = Layer(inputs["w_in"].shape, neuron_type((size,), **options, rngs=rngs), rngs)
    model.linear.kernel[...] = jnp.asarray(inputs["w_in"])
    if "w_rec" in current:
        model.neuron.recurrent_w[...] = jnp.asarray(inputs["w_rec"])
    graph, weights, rest = nnx.split(model, lambda path, _value: path[-1] in WEIGHTS, ...)
    x = jnp.asarray(inputs["x"])

    def loss(weights, rest, x):
        spikes = nnx.merge(graph, weights, rest)(x)
        return spikes.sum(), spikes

    compiled = jax.jit(jax.value_and_grad(loss, has_aux=True))

    def run():
        return jax.block_until_ready(compiled(weights, rest, x))

    def collect(result):
        (_, spikes), gradients = result
        arrays = {f"grad_{WEIGHTS[path[-1]]}": np.asarray(value[...]) for path, value in nnx.to_flat_state(gradients)}
        return {"spikes": np.asarray(spikes).astype(np.uint8), **arrays}

    return protocol.Workload(run, collect, f"{current}; {DYNAMICS}", SEMANTICS)


def linear_lif(inputs: dict[str, np.ndarray], _options: Namespace) -> protocol.Workload:
    """`spyx.nn.LIF` behind a linear layer."""
    return make_workload(spyx.nn.LIF, inputs, "I_t = x_t @ w_in")


def recurrent_lif(inputs: dict[str, np.ndarray], _options: Namespace) -> protocol.Workload:
    """`spyx.nn.RLIF` behind a linear layer."""
    return make_workload(spyx.nn.RLIF, inputs, "I_t = x_t @ w_in + s_t @ w_rec")


if __name__ == "__main__":
    protocol.main(
        "spyx",
        {"version": version("spyx"), "jax_version": jax.__version__, "flax_version": version("flax")},
        {"linear_lif": linear_lif, "recurrent_lif": recurrent_lif},
    )
