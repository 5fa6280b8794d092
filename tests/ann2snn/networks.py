"""Small networks to convert, and a slow simulation in plain words of what their spiking form does."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import nn


class Functional(nn.Module):
    """Calls one form of ReLU as a function."""

    def __init__(self, relu: Callable[[torch.Tensor], torch.Tensor]) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(6, 12), nn.Linear(12, 3)
        self.relu_function = relu

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.second(self.relu_function(self.first(x)))


class Shared(nn.Module):
    """One ReLU module for two layers."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second, self.third = nn.Linear(6, 12), nn.Linear(12, 12), nn.Linear(12, 3)
        self.relu = nn.ReLU()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.third(self.relu(self.second(self.relu(self.first(x)))))


class Residual(nn.Module):
    """Sums of branches, one of them static, max pooling as module and function, views with sizes, dropout."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.conv, self.shortcut = (nn.Conv2d(c, 4, 3, padding=1) for c in (1, 4, 1))
        self.norm = nn.BatchNorm2d(4)
        self.relu = nn.ReLU(inplace=True)
        self.pool = nn.MaxPool2d(2)
        self.dropout = nn.Dropout()
        self.hidden, self.out = nn.Linear(4 * 2 * 2, 8), nn.Linear(8, 3)

    def forward(self, x: torch.Tensor, flag: bool = False) -> torch.Tensor:
        h = self.relu(self.stem(x))
        h = self.relu(self.norm(self.conv(h))) + h + self.shortcut(x)
        h = self.pool(F.relu(h))
        h = F.max_pool2d(h, 2).view(x.size(0), -1)
        h = F.dropout(torch.relu(self.hidden(self.dropout(h))), 0.5, self.training)
        return self.out(h) * 2 if flag else self.out(h)


class Untraceable(nn.Module):
    """A condition on the values of a tensor, which torch.fx can't follow."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2))
        self.classifier = nn.Sequential(nn.Flatten(), nn.Linear(4 * 3 * 3, 8), nn.ReLU(), nn.Linear(8, 3))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if x.sum() < 0:
            x = -x
        return self.classifier(self.features(x))


def trained(net: nn.Module, x: torch.Tensor) -> nn.Module:
    """``net`` in evaluation mode, with statistics in its batch norms."""
    with torch.no_grad():
        for _ in range(10):
            net.train()(x)
    return net.eval()


def slow_simulation(
    net: nn.Sequential, scales: list[float], x: torch.Tensor, T: int, start: float = 0.0
) -> torch.Tensor:
    """Outputs ``[T, N, *]`` of a Sequential whose ReLUs are neurons: charge, fire where >= 1, subtract, in a loop."""
    potentials: list = [start] * len(scales)
    outputs = []
    for _ in range(T):
        h, number = x, 0
        for module in net:
            if isinstance(module, nn.ReLU):
                potential = potentials[number] + h * (1.0 / torch.tensor(scales[number]))
                spike = (potential >= 1).to(h)
                potentials[number] = potential - spike
                h, number = spike * scales[number], number + 1
            else:
                h = module(h)
        outputs.append(h)
    return torch.stack(outputs)
