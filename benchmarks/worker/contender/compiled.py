"""torch.compile of a plain loop, without any framework."""

import math
from typing import Any

import torch
from torch import nn

ALPHA, TAU = 2.0, 2.0


class ATanSpike(torch.autograd.Function):
    """Heaviside with the slope of ATan."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor) -> torch.Tensor:
        ctx.save_for_backward(x)
        return (x >= 0).to(x)

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> torch.Tensor:
        (x,) = ctx.saved_tensors
        return grad * (ALPHA / 2) / (1 + (math.pi / 2 * ALPHA * x) ** 2)


def step(x: torch.Tensor, potential: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    potential = potential + (x - potential) / TAU
    spike = ATanSpike.apply(potential - 1.0)
    return spike, (1.0 - spike) * potential


def plain(x_seq: torch.Tensor) -> torch.Tensor:
    """The loop as it is written everywhere: each ``x_seq[t]`` has a gradient of the size of ``x_seq``."""
    potential = torch.zeros_like(x_seq[0])
    spikes = []
    for t in range(x_seq.shape[0]):
        spike, potential = step(x_seq[t], potential)
        spikes.append(spike)
    return torch.stack(spikes)


def unbound(x_seq: torch.Tensor) -> torch.Tensor:
    """The loop as it suits the compiler: the gradients of all time steps are stacked once."""
    potential = torch.zeros_like(x_seq[0])
    spikes = []
    for x in x_seq.unbind(0):
        spike, potential = step(x, potential)
        spikes.append(spike)
    return torch.stack(spikes)


LOOPS = {"plain": plain, "unbound": unbound}


class CompiledLIF(nn.Module):
    def __init__(self, loop: str) -> None:
        super().__init__()
        self.over_time = torch.compile(LOOPS[loop], fullgraph=True, dynamic=False)

    def forward(self, x_seq: torch.Tensor) -> torch.Tensor:
        return self.over_time(x_seq)


FIRING = CompiledLIF


def neurons(kind: str, loop: str) -> nn.Module:
    assert kind == "LIF"
    return CompiledLIF(loop)
