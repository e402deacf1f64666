"""snnTorch side of the benchmark: `Leaky` and `RLeaky` in a plain time loop.

The file is not called snntorch.py because it would then hide the library itself.
"""

from argparse import Namespace
from importlib.metadata import version

import numpy as np
import protocol
import snntorch
import torch

VARIANTS = ("delayed", "hard")
RESETS = {
    "delayed": {"reset_mechanism": "subtract", "reset_delay": True},
    "hard": {"reset_mechanism": "zero", "reset_delay": False},
}
EQUATIONS = {
    "delayed": "v_t = beta*v_{t-1} + I_t - threshold*stop_gradient(s_{t-1}); s_t = (v_t > threshold)",
    "hard": "v_t = beta*u_{t-1} + I_t; s_t = (v_t > threshold); u_t = v_t - s_t*v_t, gradient through s_t",
}
SEMANTICS = {
    "delayed": "Library default: the reset subtracts the undecayed threshold one step later and is detached.",
    "hard": "Hard reset in the same step (reset_mechanism='zero', reset_delay=False), not detached.",
}


def neuron_options(variant: str) -> dict[str, object]:
    """Constructor arguments common to `Leaky` and `RLeaky`."""
    return {
        "beta": protocol.BETA,
        "threshold": protocol.THRESHOLD,
        "spike_grad": snntorch.surrogate.atan(alpha=2.0),
        **RESETS[variant],
    }


def dense(weight: np.ndarray) -> torch.nn.Linear:
    """Bias-free linear layer holding an [in, out] weight."""
    layer = torch.nn.Linear(*weight.shape, bias=False)
    with torch.no_grad():
        layer.weight.copy_(torch.from_numpy(weight.T))
    return layer


def make_workload(forward, weights: dict[str, torch.Tensor], variant: str, current: str) -> protocol.Workload:
    """Wrap a forward pass as forward plus backward of the sum of its spikes."""

    def run():
        spikes = forward()
        return spikes, torch.autograd.grad(spikes.sum(), list(weights.values()))

    def collect(result):
        spikes, gradients = result
        arrays = {f"grad_{name}": g.T.contiguous().numpy() for name, g in zip(weights, gradients, strict=True)}
        return {"spikes": spikes.detach().numpy().astype(np.uint8), **arrays}

    equation = f"{current}; {EQUATIONS[variant]}; {protocol.ARCTAN}"
    return protocol.Workload(run, collect, equation, SEMANTICS[variant])


def linear_lif(inputs: dict[str, np.ndarray], options: Namespace) -> protocol.Workload:
    """One matrix product over all time steps, then `Leaky` step by step."""
    x = torch.from_numpy(inputs["x"])
    linear = dense(inputs["w_in"])
    neuron = snntorch.Leaky(**neuron_options(options.variant))
    advance = torch.compile(neuron) if options.compile else neuron

    def forward():
        current = linear(x)
        membrane = torch.zeros_like(current[0])
        spikes = []
        for step in current.unbind(0):
            spike, membrane = advance(step, membrane)
            spikes.append(spike)
        return torch.stack(spikes)

    return make_workload(forward, {"w_in": linear.weight}, options.variant, "I_t = x_t @ w_in")


def recurrent_lif(inputs: dict[str, np.ndarray], options: Namespace) -> protocol.Workload:
    """The same with `RLeaky(all_to_all=True)`, its recurrent layer made bias-free."""
    x = torch.from_numpy(inputs["x"])
    linear = dense(inputs["w_in"])
    size = inputs["w_rec"].shape[0]
    neuron = snntorch.RLeaky(all_to_all=True, linear_features=size, **neuron_options(options.variant))
    neuron.recurrent = dense(inputs["w_rec"])
    advance = torch.compile(neuron) if options.compile else neuron

    def forward():
        current = linear(x)
        spike = membrane = torch.zeros_like(current[0])
        spikes = []
        for step in current.unbind(0):
            spike, membrane = advance(step, spike, membrane)
            spikes.append(spike)
        return torch.stack(spikes)

    weights = {"w_in": linear.weight, "w_rec": neuron.recurrent.weight}
    return make_workload(forward, weights, options.variant, "I_t = x_t @ w_in + s_{t-1} @ w_rec")


if __name__ == "__main__":
    protocol.main(
        "snntorch",
        {"version": version("snntorch"), "torch_version": torch.__version__},
        {"linear_lif": linear_lif, "recurrent_lif": recurrent_lif},
        VARIANTS,
        compilable=("linear_lif", "recurrent_lif"),
        set_threads=torch.set_num_threads,
    )
