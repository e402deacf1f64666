"""SpikingJelly side of the benchmark: multi-step `LIFNode`, `LinearRecurrentContainer`, `STDPLearner`.

The file is not called spikingjelly.py because it would then hide the library itself.
"""

import time
from argparse import Namespace
from importlib.metadata import version

import numpy as np
import protocol
import torch
from spikingjelly.activation_based import functional, layer, learning, neuron, surrogate

DYNAMICS = (
    "v_t = u_{t-1} - u_{t-1}/tau + I_t with tau = 2 (so beta = 1 - 1/tau = 0.5); "
    "s_t = (v_t >= threshold); u_t = (1 - s_t)*v_t, gradient through s_t (detach_reset=False); " + protocol.ARCTAN
)
TRACE_TAU = 20.0
LEARNING_RATE = 1e-3


def make_neuron(step_mode: str) -> neuron.LIFNode:
    """LIF neuron with hard reset, no input scaling and arctan surrogate gradient."""
    return neuron.LIFNode(
        tau=1.0 / (1.0 - protocol.BETA),
        decay_input=False,
        v_threshold=protocol.THRESHOLD,
        v_reset=0.0,
        surrogate_function=surrogate.ATan(alpha=2.0),
        detach_reset=False,
        step_mode=step_mode,
    )


def dense(weight: np.ndarray) -> torch.nn.Linear:
    """Bias-free linear layer holding an [in, out] weight."""
    module = torch.nn.Linear(*weight.shape, bias=False)
    with torch.no_grad():
        module.weight.copy_(torch.from_numpy(weight.T))
    return module


def linear_lif(inputs: dict[str, np.ndarray], _options: Namespace) -> protocol.Workload:
    """One matrix product over all time steps, then the multi-step neuron."""
    x = torch.from_numpy(inputs["x"])
    network = torch.nn.Sequential(dense(inputs["w_in"]), make_neuron("m"))
    weight = network[0].weight

    def run():
        functional.reset_net(network)
        spikes = network(x)
        return spikes, torch.autograd.grad(spikes.sum(), [weight])[0]

    def collect(result):
        spikes, gradient = result
        return {
            "spikes": spikes.detach().numpy().astype(np.uint8),
            "grad_w_in": gradient.T.contiguous().numpy(),
        }

    semantics = "Hard reset in the same step, not detached; step_mode='m', the library's fused CPU sequence operator."
    return protocol.Workload(run, collect, f"I_t = x_t @ w_in; {DYNAMICS}", semantics)


def recurrent_lif(inputs: dict[str, np.ndarray], options: Namespace) -> protocol.Workload:
    """`LinearRecurrentContainer`, whose one linear layer holds both weights."""
    x = torch.from_numpy(inputs["x"])
    w_in, w_rec = inputs["w_in"], inputs["w_rec"]
    size = w_rec.shape[0]
    if w_in.shape != w_rec.shape:
        raise ValueError("the container needs as many inputs as neurons")
    inner = torch.compile(make_neuron("s")) if options.compile else make_neuron("s")
    network = layer.LinearRecurrentContainer(inner, size, size, bias=False, step_mode="m")
    weight = network.rc.weight
    with torch.no_grad():
        weight.copy_(torch.from_numpy(np.concatenate([w_in, w_rec]).T))

    def run():
        functional.reset_net(network)
        spikes = network(x)
        return spikes, torch.autograd.grad(spikes.sum(), [weight])[0]

    def collect(result):
        spikes, gradient = result
        grad_in, grad_rec = np.split(gradient.T.contiguous().numpy(), 2)
        return {
            "spikes": spikes.detach().numpy().astype(np.uint8),
            "grad_w_in": grad_in,
            "grad_w_rec": grad_rec,
        }

    semantics = (
        "Hard reset in the same step, not detached; per step the container multiplies "
        "[x_t, s_{t-1}] with the stacked [w_in; w_rec], single-step neuron inside."
    )
    equation = f"I_t = x_t @ w_in + s_{{t-1}} @ w_rec; {DYNAMICS}"
    return protocol.Workload(run, collect, equation, semantics)


def stdp(inputs: dict[str, np.ndarray], _options: Namespace) -> protocol.Workload:
    """Additive pair STDP by `STDPLearner` on Linear + LIF, weight changed after every step."""
    pre = torch.from_numpy(inputs["pre"])
    start = torch.from_numpy(inputs["w"].T).contiguous()
    rate = LEARNING_RATE / pre.shape[1]
    network = torch.nn.Sequential(dense(inputs["w"]), make_neuron("s"))
    synapse, cells = network
    constant = {"f_pre": lambda _weight: 1.0, "f_post": lambda _weight: 1.0}
    learner = learning.STDPLearner("s", synapse, cells, TRACE_TAU, TRACE_TAU, **constant)
    learner_seconds: list[float] = []

    @torch.no_grad()
    def run():
        functional.reset_net(network)
        learner.reset()
        synapse.weight.copy_(start)
        in_learner, post = 0.0, []
        for step in pre.unbind(0):
            post.append(network(step))
            begin = time.perf_counter()
            synapse.weight += learner.step(on_grad=False, scale=rate)
            in_learner += time.perf_counter() - begin
        learner_seconds.append(in_learner)
        return torch.stack(post)

    def collect(post):
        final = synapse.weight.detach()
        return {
            "spikes": post.numpy().astype(np.uint8),
            "w_final": final.T.contiguous().numpy(),
            "delta_w": (final - start).T.contiguous().numpy(),
        }

    equation = (
        f"post_t = LIF(pre_t @ w_{{t-1}}) with {DYNAMICS}; "
        "a_t = a_{t-1} - a_{t-1}/20 + pre_t; b_t = b_{t-1} - b_{t-1}/20 + post_t (both updated first, then used); "
        "w_t = w_{t-1} + rate * sum over batch of (a_t outer post_t - pre_t outer b_t), no bounds; "
        f"rate = {LEARNING_RATE}/B"
    )
    semantics = (
        "STDPLearner step_mode='s' with f_pre = f_post = 1 (the library's default is f(w) = w); sums over the batch; "
        "the time covers the forward step, the learner and the weight change."
    )
    extra = {"learner_seconds": learner_seconds, "learning_rate": rate}
    return protocol.Workload(run, collect, equation, semantics, extra)


if __name__ == "__main__":
    protocol.main(
        "spikingjelly",
        {"version": version("spikingjelly"), "torch_version": torch.__version__},
        {"linear_lif": linear_lif, "recurrent_lif": recurrent_lif, "stdp": stdp},
        compilable=("recurrent_lif",),
        set_threads=torch.set_num_threads,
    )
