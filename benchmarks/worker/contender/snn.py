"""snnTorch, in the setting that gives the same spikes and gradients: the reset at once, and part of the graph."""

from typing import Any

import snntorch
import torch
from torch import nn


class LeakyOverTime(nn.Module):
    """snnTorch's Leaky in a loop over the time steps of ``[T, N, *]``."""

    def __init__(self, **settings: Any) -> None:
        super().__init__()
        spike_grad = snntorch.surrogate.atan(alpha=2.0)
        self.cell = snntorch.Leaky(beta=0.5, spike_grad=spike_grad, reset_delay=False, **settings)

    def forward(self, x_seq: torch.Tensor) -> torch.Tensor:
        potential = self.cell.reset_mem()
        spikes = []
        for x in x_seq.unbind(0):
            spike, potential = self.cell(x, potential)
            spikes.append(spike)
        return torch.stack(spikes)


class Halve(nn.Module):
    """tau = 2 takes in half of the input; snnTorch has no such factor."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return 0.5 * x


FIRING = LeakyOverTime


def neurons(kind: str) -> nn.Module:
    assert kind == "LIF"
    return nn.Sequential(Halve(), LeakyOverTime(reset_mechanism="zero"))


def shd_net(channels: int, hidden: int, classes: int) -> nn.Module:
    """The linear layers see all time steps at once, as in the other frameworks, and not one in each turn."""
    return nn.Sequential(
        nn.Linear(channels, hidden, bias=False), LeakyOverTime(learn_beta=True, reset_mechanism="subtract"),
        nn.Linear(hidden, hidden, bias=False), LeakyOverTime(learn_beta=True, reset_mechanism="subtract"),
        nn.Linear(hidden, classes, bias=False),
    )  # fmt: skip
