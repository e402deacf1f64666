"""Norse side of the benchmark: `LIFBoxCell` in a plain time loop and `LIFRecurrent`.

Norse scales the current by dt/tau_mem. The weights are multiplied by tau_mem/dt when they
are loaded, and the gradients accordingly when they are stored (neither is timed), so that
the current enters the membrane unscaled as in the other peers.

The file is not called norse.py because it would then hide the library itself.
"""

from argparse import Namespace
from importlib.metadata import version

import norse.torch as norse
import numpy as np
import protocol
import torch
from norse.torch.functional.lif_box import LIFBoxFeedForwardState, LIFBoxParameters

VARIANTS = ("super", "circ")
LEAK = 1.0 - protocol.BETA
SCALE = 1.0 / LEAK
SURROGATES = {
    "super": "spike'(x) := 1 / (1 + |x|)^2 (the library's default; its alpha is not used), x = v - threshold",
    "circ": "spike'(x) := (1 + (pi*x)^2)^(-3/2) (method 'circ', alpha = 1/pi), x = v - threshold",
}
MEMBRANE = "v_t = u_{t-1} + 0.5*(2*I_t - u_{t-1}); s_t = (v_t > threshold); "


def parameters(kind: type, variant: str, **more: torch.Tensor) -> object:
    """Neuron parameters for a time step of 1 and the chosen surrogate gradient."""
    alpha = 1.0 / np.pi if variant == "circ" else 100.0
    return kind(
        tau_mem_inv=torch.tensor(LEAK),
        v_th=torch.tensor(protocol.THRESHOLD),
        method=variant,
        alpha=torch.tensor(alpha, dtype=torch.float32),
        **more,
    )


def scaled(weight: np.ndarray) -> torch.nn.Parameter:
    """[out, in] parameter holding an [in, out] weight times tau_mem/dt."""
    return torch.nn.Parameter(torch.from_numpy(weight.T * np.float32(SCALE)).contiguous())


def make_workload(forward, weights: dict[str, torch.nn.Parameter], equation: str, semantics: str) -> protocol.Workload:
    """Wrap a forward pass as forward plus backward of the sum of its spikes."""

    def run():
        spikes = forward()
        return spikes, torch.autograd.grad(spikes.sum(), list(weights.values()))

    def collect(result):
        spikes, gradients = result
        arrays = {f"grad_{name}": SCALE * g.T.contiguous().numpy() for name, g in zip(weights, gradients, strict=True)}
        return {"spikes": spikes.detach().numpy().astype(np.uint8), **arrays}

    return protocol.Workload(run, collect, equation, semantics)


def linear_lif(inputs: dict[str, np.ndarray], options: Namespace) -> protocol.Workload:
    """One matrix product over all time steps, then `LIFBoxCell` step by step."""
    x = torch.from_numpy(inputs["x"])
    weight = scaled(inputs["w_in"])
    cell = norse.LIFBoxCell(parameters(LIFBoxParameters, options.variant), dt=1.0)
    advance = torch.compile(cell) if options.compile else cell

    def forward():
        current = torch.nn.functional.linear(x, weight)
        state = LIFBoxFeedForwardState(v=torch.zeros_like(current[0]))
        spikes = []
        for step in current.unbind(0):
            spike, state = advance(step, state)
            spikes.append(spike)
        return torch.stack(spikes)

    equation = f"I_t = x_t @ w_in; {MEMBRANE}u_t = (1 - s_t)*v_t, gradient through s_t; {SURROGATES[options.variant]}"
    semantics = (
        "LIFBoxCell (no synaptic current), hard reset in the same step, not detached; looped over unbind(0) "
        "because the library's Lift indexes x[t], whose backward costs time quadratic in T."
    )
    return make_workload(forward, {"w_in": weight}, equation, semantics)


def recurrent_lif(inputs: dict[str, np.ndarray], options: Namespace) -> protocol.Workload:
    """`LIFRecurrent` with a synaptic time constant of one step, so that the current leaves no trace."""
    x = torch.from_numpy(inputs["x"])
    weights = {"w_in": scaled(inputs["w_in"]), "w_rec": scaled(inputs["w_rec"])}
    network = norse.LIFRecurrent(
        *inputs["w_in"].shape,
        p=parameters(norse.LIFParameters, options.variant, tau_syn_inv=torch.tensor(1.0)),
        input_weights=weights["w_in"],
        recurrent_weights=weights["w_rec"],
        autapses=True,
        dt=1.0,
    )
    if options.compile:
        network.activation = torch.compile(network.activation)

    def forward():
        return network(x)[0]

    equation = (
        f"I_t = i_{{t-1}} + x_t @ w_in + s_{{t-1}} @ w_rec; {MEMBRANE}i_t = I_t - 1*I_t = 0; "
        f"u_t = (1 - stop_gradient(s_t))*v_t; {SURROGATES[options.variant]}"
    )
    semantics = (
        "LIFRecurrent with dt/tau_syn = 1, so its synaptic current is always zero after a step; hard reset in the "
        "same step, detached by the library; self-connections kept."
    )
    return make_workload(forward, weights, equation, semantics)


if __name__ == "__main__":
    protocol.main(
        "norse",
        {"version": version("norse"), "torch_version": torch.__version__},
        {"linear_lif": linear_lif, "recurrent_lif": recurrent_lif},
        VARIANTS,
        compilable=("linear_lif", "recurrent_lif"),
        set_threads=torch.set_num_threads,
    )
