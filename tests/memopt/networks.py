"""Networks to train with less memory, and what a training step of them gives."""

import copy
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from spikingjelly.activation_based import functional, layer, neuron, surrogate
from tests.versions import needs_torch

T, N = 3, 4

computes_again = needs_torch("2.8", "memopt from level 2 on")


def lif(backend: str, **options: Any) -> nn.Module:
    return neuron.LIFNode(surrogate_function=surrogate.ATan(), backend=backend, **options)


class Residual(nn.Module):
    """Convolutions whose block is no chain of modules, with counts as its output, and one neuron used twice."""

    def __init__(self, backend: str) -> None:
        super().__init__()
        self.conv1, self.bn1 = layer.Conv2d(4, 4, 3, padding=1, bias=False), layer.BatchNorm2d(4)
        self.conv2, self.bn2 = layer.Conv2d(4, 4, 3, padding=1, bias=False), layer.BatchNorm2d(4)
        self.fire = lif(backend)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.fire(self.bn1(self.conv1(x)))
        functional.reset_net(self.fire)
        return self.fire(self.bn2(self.conv2(y))) + x


class Attention(nn.Module):
    """Products of spikes with spikes, scaled."""

    def __init__(self, backend: str) -> None:
        super().__init__()
        self.project, self.norm, self.fire = layer.Linear(4, 12), nn.LayerNorm(12), lif(backend)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        q, k, v = self.fire(self.norm(self.project(x.flatten(-2).transpose(-1, -2)))).chunk(3, dim=-1)
        return (q @ k.transpose(-1, -2) * 0.25) @ v


class Net(nn.Module):
    def __init__(self, backend: str, step_mode: str = "m") -> None:
        super().__init__()
        self.stem = nn.Sequential(layer.Conv2d(2, 4, 3, padding=1), layer.BatchNorm2d(4), lif(backend))
        self.body = nn.Sequential(Residual(backend), layer.MaxPool2d(2), Residual(backend), Attention(backend))
        self.head = nn.Sequential(layer.Flatten(), layer.Dropout(0.2), layer.Linear(4 * 16, 5))
        functional.set_step_mode(self, step_mode)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.body(self.stem(x)))


def net(backend: str = "cpp", step_mode: str = "m") -> Net:
    torch.manual_seed(0)
    return Net(backend, step_mode)


def images(seed: int = 0) -> torch.Tensor:
    return torch.rand(T, N, 2, 8, 8, generator=torch.Generator().manual_seed(seed)) * 4


def whole_sequence(net: nn.Module, x_seq: torch.Tensor) -> torch.Tensor:
    return net(x_seq)


def step_by_step(net: nn.Module, x_seq: torch.Tensor) -> torch.Tensor:
    return torch.stack([net(x) for x in x_seq])


def training(
    net: nn.Module, forward: Callable[[nn.Module, torch.Tensor], torch.Tensor] = whole_sequence, steps: int = 2
) -> dict[str, torch.Tensor]:
    """All that training steps leave: outputs, gradients, parameters, statistics, states, and the next random number."""
    torch.manual_seed(1)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    found: dict[str, torch.Tensor] = {}
    for number in range(steps):
        functional.reset_net(net)
        x_seq = images(number).requires_grad_()
        optimizer.zero_grad()
        y = forward(net, x_seq)
        y.float().square().mean().backward()
        optimizer.step()
        found |= {f"output {number}": y.detach(), f"input gradient {number}": x_seq.grad}
    found |= {f"gradient of {name}": parameter.grad for name, parameter in net.named_parameters()}
    found |= copy.deepcopy(net.state_dict())
    found |= {
        f"state {name}.{memory}": value.detach()
        for name, module in net.named_modules()
        if isinstance(module, neuron.BaseNode)
        for memory, value in module.named_memories()
    }
    return {**found, "next random number": torch.rand(1)}


def assert_same(found: dict[str, torch.Tensor], expected: dict[str, torch.Tensor]) -> None:
    """To the last bit, and not because nothing happened."""
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        assert torch.equal(found[name], value), name
        if name.startswith(("output", "gradient of", "input gradient")) and not name.endswith("conv1.bias"):
            assert value.any(), name
