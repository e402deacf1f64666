"""The four models of the learning protocol in plain PyTorch: a loop over time, autograd, parameters in torch's layout.

Each is made from the parameters that metaplast exported, by their paths, and gives its gradients back by the same
names and in the same coordinates, so that the two sides can be compared.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

Arrays = dict[str, np.ndarray]


class Response(NamedTuple):
    """What a model does on a batch of trials; everything is [time, batch, ...]."""

    output: Tensor
    hidden: Tensor
    activity: Tensor


class Weights(NamedTuple):
    """The priced matrices, and the share of metaplast's entries that `input` has (it stores absent ones as zeros)."""

    input: Tensor
    recurrent: Tensor
    output: Tensor
    share: float = 1.0


class Spike(torch.autograd.Function):
    """1 above zero; its derivative is the triangle max(0, 1 - |x|)."""

    @staticmethod
    def forward(ctx, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return (x > 0).to(x.dtype)

    @staticmethod
    def backward(ctx, cotangent: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        return cotangent * (1 - x.abs()).clamp_(min=0)


class Model(nn.Module):
    """What the learner needs: an answer, the priced weights, the bounds, and gradients by metaplast's names."""

    def weights(self) -> Weights:
        raise NotImplementedError

    def directions(self, given: np.ndarray) -> Tensor:
        """metaplast's singular directions in the columns of `recurrent`."""
        return torch.from_numpy(given)

    def project(self) -> None:
        """Back into the bounds, after an update."""

    def gradients(self) -> dict[str, Tensor]:
        raise NotImplementedError


def parameter(array: np.ndarray) -> nn.Parameter:
    return nn.Parameter(torch.from_numpy(np.array(array)))


class Spiking(Model):
    """The dendro-somatic network; time constants are learned as logarithms.

    d_t = b d_{t-1} + (1 - b) (W_in x_t + W_rec s_{t-1} + bias);  u_t = a u_{t-1} - threshold s_{t-1} + (1 - a) R d_t
    s_t = [u_t > threshold];  y_t = W_out u_t + b_out
    """

    LOWEST_TAU, THRESHOLDS = 0.1, (0.1, 5.0)

    def __init__(self, start: Arrays, dt: float) -> None:
        super().__init__()
        neuron = "network.populations.recurrent.neuron"
        self.dt, self.resistance = dt, float(start[f"{neuron}.resistance"])
        self.weight_in = parameter(start["network.projections.input.weight"][:, 0])
        self.weight_rec = parameter(start["network.projections.recurrent.weight"][:, 0])
        self.bias = parameter(start["network.populations.recurrent.bias"][0])
        self.weight_out = parameter(start["network.projections.readout.weight"])
        self.bias_out = parameter(start["network.populations.readout.bias"])
        self.log_tau_dendrite = parameter(np.log(start[f"{neuron}.tau_dendrite"][0]))
        self.log_tau_soma = parameter(np.log(start[f"{neuron}.tau_soma"]))
        self.threshold = parameter(start[f"{neuron}.threshold"])

    def forward(self, inputs: Tensor) -> Response:
        keep_dendrite = torch.exp(-self.dt / self.log_tau_dendrite.exp())
        keep_soma = torch.exp(-self.dt / self.log_tau_soma.exp())
        # What does not depend on the step is computed once, before the loop.
        arriving = (1 - keep_dendrite) * (inputs @ self.weight_in + self.bias)
        within = (1 - keep_dendrite) * self.weight_rec
        gain = (1 - keep_soma) * self.resistance
        dendrite = rested = spikes = torch.zeros_like(arriving[0])
        voltages, sent = [], []
        for now in arriving.unbind(0):
            dendrite = torch.addmm(torch.addcmul(now, keep_dendrite, dendrite), spikes, within)
            voltage = torch.addcmul(rested, gain, dendrite)
            spikes = Spike.apply(voltage - self.threshold)
            rested = torch.addcmul(keep_soma * voltage, spikes, self.threshold, value=-1)
            voltages.append(voltage)
            sent.append(spikes)
        hidden = torch.stack(voltages)
        return Response(hidden @ self.weight_out + self.bias_out, hidden, torch.stack(sent))

    def weights(self) -> Weights:
        return Weights(self.weight_in, self.weight_rec, self.weight_out)

    @torch.no_grad()
    def project(self) -> None:
        self.log_tau_dendrite.clamp_(min=math.log(self.LOWEST_TAU))
        self.log_tau_soma.clamp_(min=math.log(self.LOWEST_TAU))
        self.threshold.clamp_(*self.THRESHOLDS)

    @torch.no_grad()
    def gradients(self) -> dict[str, Tensor]:
        neuron = "network.populations.recurrent.neuron"
        return {
            "network.projections.input.weight": self.weight_in.grad,
            "network.projections.recurrent.weight": self.weight_rec.grad,
            "network.populations.recurrent.bias": self.bias.grad,
            "network.projections.readout.weight": self.weight_out.grad,
            "network.populations.readout.bias": self.bias_out.grad,
            f"{neuron}.tau_dendrite": self.log_tau_dendrite.grad / self.log_tau_dendrite.exp(),
            f"{neuron}.tau_soma": self.log_tau_soma.grad / self.log_tau_soma.exp(),
            f"{neuron}.threshold": self.threshold.grad,
        }


class Rate(Model):
    """Leaky rates: r_t = a r_{t-1} + (1 - a) softplus(W_in x_t + W_rec r_{t-1} + bias), with a learned r_0 >= 0."""

    def __init__(self, start: Arrays, dt: float) -> None:
        super().__init__()
        neuron = "network.populations.recurrent.neuron"
        self.keep = math.exp(-dt / float(start[f"{neuron}.tau"]))
        self.weight_in = parameter(start["network.projections.input.weight"])
        self.weight_rec = parameter(start["network.projections.recurrent.weight"])
        self.bias = parameter(start["network.populations.recurrent.bias"])
        self.initial = parameter(start[f"{neuron}.initial"])
        self.weight_out = parameter(start["network.projections.readout.weight"])
        self.bias_out = parameter(start["network.populations.readout.bias"])

    def forward(self, inputs: Tensor) -> Response:
        arriving = inputs @ self.weight_in + self.bias
        rate = self.initial.expand_as(arriving[0])
        rates = []
        for now in arriving.unbind(0):
            rate = torch.lerp(functional.softplus(torch.addmm(now, rate, self.weight_rec)), rate, self.keep)
            rates.append(rate)
        hidden = torch.stack(rates)
        return Response(hidden @ self.weight_out + self.bias_out, hidden, hidden)

    def weights(self) -> Weights:
        return Weights(self.weight_in, self.weight_rec, self.weight_out)

    @torch.no_grad()
    def project(self) -> None:
        self.initial.clamp_(min=0)

    def gradients(self) -> dict[str, Tensor]:
        return {
            "network.projections.input.weight": self.weight_in.grad,
            "network.projections.recurrent.weight": self.weight_rec.grad,
            "network.populations.recurrent.bias": self.bias.grad,
            "network.populations.recurrent.neuron.initial": self.initial.grad,
            "network.projections.readout.weight": self.weight_out.grad,
            "network.populations.readout.bias": self.bias_out.grad,
        }


class Gated(Model):
    """torch.nn.GRU and a linear readout.

    metaplast has four rows of current (reset, update, candidate from outside, candidate from the units) with one bias
    each; torch has two biases at the gates, of which one is held at zero.
    """

    def __init__(self, start: Arrays, dt: float) -> None:
        super().__init__()
        inward, within = (start[f"network.projections.{name}.weight"] for name in ("input", "recurrent"))
        bias = start["network.populations.recurrent.bias"]
        channels, _, cells = inward.shape
        self.gru = nn.GRU(channels, cells)
        with torch.no_grad():
            self.gru.weight_ih_l0.copy_(torch.from_numpy(inward[:, [0, 1, 2]].reshape(channels, -1).T))
            self.gru.weight_hh_l0.copy_(torch.from_numpy(within[:, [0, 1, 3]].reshape(cells, -1).T))
            self.gru.bias_ih_l0.copy_(torch.from_numpy(bias[[0, 1, 2]].ravel()))
            self.gru.bias_hh_l0.copy_(torch.from_numpy(np.concatenate([np.zeros(2 * cells, np.float32), bias[3]])))
        learned = torch.cat([torch.zeros(2 * cells), torch.ones(cells)])
        self.gru.bias_hh_l0.register_hook(lambda gradient: gradient * learned)
        self.weight_out = parameter(start["network.projections.readout.weight"])
        self.bias_out = parameter(start["network.populations.readout.bias"])

    def forward(self, inputs: Tensor) -> Response:
        hidden, _ = self.gru(inputs)
        return Response(hidden @ self.weight_out + self.bias_out, hidden, hidden)

    def weights(self) -> Weights:
        return Weights(self.gru.weight_ih_l0, self.gru.weight_hh_l0.T, self.weight_out, share=3 / 4)

    def directions(self, given: np.ndarray) -> Tensor:
        return torch.from_numpy(given.reshape(4, self.gru.hidden_size, -1)[[0, 1, 3]].reshape(-1, given.shape[1]))

    @torch.no_grad()
    def gradients(self) -> dict[str, Tensor]:
        cells = self.gru.hidden_size
        inward, within = (
            layer.grad.T.reshape(-1, 3, cells) for layer in (self.gru.weight_ih_l0, self.gru.weight_hh_l0)
        )
        bias_in, bias_rec = (bias.grad.reshape(3, cells) for bias in (self.gru.bias_ih_l0, self.gru.bias_hh_l0))
        nothing = torch.zeros_like
        return {
            "network.projections.input.weight": torch.cat([inward, nothing(inward[:, :1])], 1),
            "network.projections.recurrent.weight": torch.cat(
                [within[:, :2], nothing(within[:, :1]), within[:, 2:]], 1
            ),
            "network.populations.recurrent.bias": torch.cat([bias_in, bias_rec[2:]]),
            "network.projections.readout.weight": self.weight_out.grad,
            "network.populations.readout.bias": self.bias_out.grad,
        }


class Attention(Model):
    """One layer of causal self-attention with a residual connection, by scaled_dot_product_attention."""

    LAYERS = ("embedding", "attention", "mixing", "readout")

    def __init__(self, start: Arrays, dt: float, heads: int, steps: int) -> None:
        super().__init__()
        self.heads = heads
        for name in self.LAYERS:
            weight = start[f"{name}.weight"]
            layer = nn.Linear(*weight.shape)
            with torch.no_grad():
                layer.weight.copy_(torch.from_numpy(weight.T))
                layer.bias.copy_(torch.from_numpy(start[f"{name}.bias"]))
            setattr(self, name, layer)
        self.register_buffer("positions", sinusoids(steps, self.embedding.out_features))

    def forward(self, inputs: Tensor) -> Response:
        embedded = self.embedding(inputs.transpose(0, 1)) + self.positions
        batch, steps, width = embedded.shape
        parts = self.attention(embedded).view(batch, steps, 3, self.heads, width // self.heads)
        query, key, value = parts.permute(2, 0, 3, 1, 4)
        attended = functional.scaled_dot_product_attention(query, key, value, is_causal=True)
        hidden = embedded + self.mixing(attended.transpose(1, 2).reshape(batch, steps, width))
        hidden = hidden.transpose(0, 1)
        return Response(self.readout(hidden), hidden, hidden)

    def weights(self) -> Weights:
        return Weights(self.embedding.weight, self.attention.weight.T, self.readout.weight)

    def gradients(self) -> dict[str, Tensor]:
        layers = {name: getattr(self, name) for name in self.LAYERS}
        return {f"{name}.weight": layer.weight.grad.T for name, layer in layers.items()} | {
            f"{name}.bias": layer.bias.grad for name, layer in layers.items()
        }


def sinusoids(steps: int, width: int) -> Tensor:
    """Positions of Vaswani et al. (2017): [time, width]."""
    rates = 1e4 ** (-np.arange(0, width, 2) / width)
    angles = np.arange(steps)[:, None] * rates
    stacked = np.stack([np.sin(angles), np.cos(angles)], axis=-1).reshape(steps, -1)[:, :width]
    return torch.from_numpy(stacked.astype(np.float32))


def build(name: str, heads: int, start: Arrays, dt: float, steps: int) -> Model:
    """The model of that name from metaplast's parameters."""
    if name == "self-attention":
        return Attention(start, dt, heads, steps)
    made: dict[str, Callable[..., Model]] = {"spiking": Spiking, "rate": Rate, "gru": Gated}
    return made[name](start, dt)
