"""Neurons and inputs for the tests of targets for GPUs."""

from collections.abc import Sequence

import pytest
import torch
from torch import nn

from spikingjelly.activation_based import neuron, surrogate
from tests.cases import NeuronCase


def rows(cases: Sequence[NeuronCase], quick: int) -> list:
    """The table ``cases``; all but every row with a number that ``quick`` divides are slow. Flags come in groups of six."""
    return [
        pytest.param(case, id=str(case), marks=() if number % quick == 0 else pytest.mark.slow)
        for number, case in enumerate(cases)
    ]


def drawn(*shape: int, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    return (torch.rand(*shape, generator=generator, dtype=torch.float64) * 3 - 1).to(dtype)


def lif(**more) -> neuron.LIFNode:
    arguments = {"tau": 1.7, "v_reset": None, "surrogate_function": surrogate.ATan(alpha=2.5), **more}
    return neuron.LIFNode(backend="torch", **arguments)


def izhikevich(**more) -> neuron.IzhikevichNode:
    return neuron.IzhikevichNode(tau=1.6, a=0.3, b=0.2, tau_w=3.0, v_reset=-0.2, backend="torch", **more)


class PerChannel(neuron.LIFNode):
    """Shapes ``[N, 3, H, W]``; each channel has its own time constant and threshold."""

    def __init__(self) -> None:
        super().__init__(surrogate_function=surrogate.Sigmoid(alpha=3.0), backend="torch")
        self.rate = nn.Parameter(torch.tensor([[[-0.5]], [[0.1]], [[0.8]]]))
        self.threshold = nn.Parameter(torch.tensor([[[0.4]], [[0.6]], [[0.7]]]))

    def neuronal_charge(self, x: torch.Tensor) -> None:
        self.v = self.v + (x - self.v) * self.rate.sigmoid()

    def neuronal_fire(self) -> torch.Tensor:
        return self.surrogate_function(self.v - self.threshold)
