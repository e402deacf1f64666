"""PyTorch's side of the convolutional benchmark: python convolution_peer.py NET INPUTS.npz OUT_DIR.

Plain PyTorch at its best: each convolution takes all time steps at once as a larger batch (oneDNN), and only the cells
are stepped; their spike is an autograd function. The dynamics are those of metaplast's LIF:
v_t = keep (v_{t-1} - threshold s_{t-1}) + I_t, s_t = [v_t > threshold], ds / dv = [|v - threshold| < 1/2].
"""

import argparse
import json
import statistics
import sys
import time
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from convolution_cases import KEEP, NETS, THRESHOLD, Net
from turns import serve


class Spike(torch.autograd.Function):
    """Step of the membrane above the threshold, with a rectangular surrogate derivative."""

    @staticmethod
    def forward(context, above):
        context.save_for_backward(above)
        return (above > 0).to(above.dtype)

    @staticmethod
    def backward(context, gradient):
        (above,) = context.saved_tensors
        return gradient * (above.abs() < 0.5).to(gradient.dtype)


def lif(current: torch.Tensor) -> torch.Tensor:
    """Spikes of cells over time: [time, batch, ...]."""
    rested, spikes = torch.zeros_like(current[0]), []
    for now in current.unbind(0):
        voltage = KEEP * rested + now
        spikes.append(Spike.apply(voltage - THRESHOLD))
        rested = voltage - spikes[-1] * THRESHOLD
    return torch.stack(spikes)


def forward(net: Net, x: torch.Tensor, weights: list[torch.Tensor]) -> torch.Tensor:
    """Spikes of the last layer; x is [time, batch, channels, height, width]."""
    steps, batch = x.shape[:2]
    for weight in weights[: len(net.stages)]:
        current = torch.nn.functional.conv2d(x.flatten(0, 1), weight, padding=1)
        x = lif(current.unflatten(0, (steps, batch)))
        if net.pool > 1:
            x = torch.nn.functional.avg_pool2d(x.flatten(0, 1), net.pool).unflatten(0, (steps, batch))
    x = x.flatten(2) if net.dense else x
    for weight in weights[len(net.stages) :]:
        x = lif(torch.nn.functional.linear(x, weight))
    return x


def load(net: Net, arrays: dict, layout: torch.memory_format) -> tuple[torch.Tensor, list[torch.Tensor], torch.Tensor]:
    """Inputs, weights and wishes with PyTorch's order of axes; dense weights expect channels first."""
    x = torch.from_numpy(arrays["x"]).movedim(-1, 2)
    x = x.flatten(0, 1).contiguous(memory_format=layout).unflatten(0, x.shape[:2])
    weights = []
    for index, _ in enumerate(net.weights()):
        weight = torch.from_numpy(arrays[f"w{index}"])
        if weight.ndim == 4:
            weight = weight.permute(3, 2, 0, 1).contiguous(memory_format=layout)
        elif index == len(net.stages):
            weight = weight.reshape(*net.image(), -1).permute(3, 2, 0, 1).flatten(1).contiguous()
        else:
            weight = weight.T.contiguous()
        weights.append(weight.requires_grad_())
    wish = torch.from_numpy(arrays["wish"])
    return x, weights, wish if net.dense else wish.movedim(-1, 2)


def as_ours(net: Net, index: int, gradient: torch.Tensor) -> np.ndarray:
    """A weight gradient in the order of metaplast."""
    if gradient.ndim == 4:
        return gradient.permute(2, 3, 1, 0).contiguous().numpy()
    if index == len(net.stages):
        height, width, channels = net.image()
        gradient = gradient.reshape(-1, channels, height, width).permute(2, 3, 1, 0).reshape(-1, gradient.shape[0])
        return gradient.numpy()
    return gradient.T.contiguous().numpy()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("net", choices=list(NETS))
    parser.add_argument("inputs", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--repeats", type=int, default=11)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--channels-last", type=int, default=0)
    parser.add_argument("--turns", action="store_true", help="time a call whenever a line comes in, see turns.py")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    net, arrays = NETS[options.net], dict(np.load(options.inputs))
    layout = torch.channels_last if options.channels_last else torch.contiguous_format
    x, weights, wish = load(net, arrays, layout)

    def step():
        spikes = forward(net, x, weights)
        return spikes, torch.autograd.grad((spikes * wish).sum(), weights)

    def timed() -> float:
        began = time.perf_counter()
        step()
        return time.perf_counter() - began

    if options.turns:
        return serve(timed)
    first, seconds = timed(), [timed() for _ in range(options.repeats + 2)][2:]
    spikes, gradients = step()
    found = {f"grad_w{index}": as_ours(net, index, value) for index, value in enumerate(gradients)}
    spikes = spikes.detach() if net.dense else spikes.detach().movedim(2, -1)
    options.out.mkdir(parents=True, exist_ok=True)
    np.savez(options.out / "torch.npz", spikes=spikes.numpy().astype(np.uint8), **found)
    record = {"first_call_s": first, "seconds": seconds, "median_s": statistics.median(seconds)}
    record |= {"peer": "PyTorch", "torch_version": torch.__version__}
    (options.out / "torch.json").write_text(json.dumps(record))


if __name__ == "__main__":
    main()
