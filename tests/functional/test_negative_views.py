"""A negative view, as ``x.conj().imag`` is one, has in its memory the numbers with the other sign."""

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from spikingjelly.activation_based import layer, neuron

Call = Callable[[nn.Module, torch.Tensor], torch.Tensor]
LAYERS: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...], Call]] = {
    "linear": (lambda: layer.Linear(256, 64), (4096, 256), lambda m, x: F.linear(x, m.weight, m.bias)),  # type: ignore[arg-type]
    "convolution": (
        lambda: layer.Conv2d(64, 64, 3, padding=1),
        (8, 64, 28, 28),
        lambda m, x: F.conv2d(x, m.weight, m.bias, 1, 1),  # type: ignore[arg-type]
    ),
    "pooling": (lambda: layer.MaxPool2d(2, 2), (8, 64, 28, 28), lambda m, x: F.max_pool2d(x, 2, 2)),
    "neuron": (
        lambda: neuron.IFNode(step_mode="m", backend="cpp"),
        (4, 70000),
        lambda m, x: neuron.IFNode(step_mode="m", backend="torch")(x),
    ),
}


@pytest.mark.parametrize("density", [0.1, 1.0])
@pytest.mark.parametrize("name", LAYERS)
def test_values_and_gradients(name: str, density: float) -> None:
    make, shape, expected_of = LAYERS[name]
    torch.manual_seed(0)
    module = make()
    memory = -(torch.rand(shape) < density).float() * torch.rand(shape).add(0.5).round()
    found = []
    for run in (lambda m, x: m(x), expected_of):
        leaf = memory.clone().requires_grad_()
        y = run(module, torch._neg_view(leaf))
        weight = torch._neg_view(torch.linspace(-1.0, 1.0, y.numel()).view(y.shape))
        found.append([y, *torch.autograd.grad((y * weight).sum(), [leaf, *module.parameters()])])
    assert found[0][0].abs().max() > 0
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-3)
