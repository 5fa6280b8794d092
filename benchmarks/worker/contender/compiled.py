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


def lif(x_seq: torch.Tensor) -> torch.Tensor:
    potential = torch.zeros_like(x_seq[0])
    spikes = []
    for x in x_seq.unbind(0):
        potential = potential + (x - potential) / TAU
        spike = ATanSpike.apply(potential - 1.0)
        potential = (1.0 - spike) * potential
        spikes.append(spike)
    return torch.stack(spikes)


class CompiledLIF(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.over_time = torch.compile(lif, fullgraph=True, dynamic=False)

    def forward(self, x_seq: torch.Tensor) -> torch.Tensor:
        return self.over_time(x_seq)


FIRING = CompiledLIF


def neurons(kind: str) -> nn.Module:
    assert kind == "LIF"
    return CompiledLIF()
