"""An input that is the same in all time steps is computed once up to the first neuron: the same outputs and gradients as
for a copy of it in each time step."""

from collections.abc import Callable

import pytest
import torch
from torch import nn

from spikingjelly.activation_based import functional, layer, neuron
from tests.parity.compare import counted

F64 = torch.float64
T = 4


def both(make: Callable[[], nn.Module], x: torch.Tensor) -> list[list[torch.Tensor]]:
    """Outputs, gradients and buffers for ``x`` repeated as a copy and as a view."""
    results = []
    for repeated in (x.repeat(T, *[1] * x.dim()), x.expand(T, *x.shape)):
        torch.manual_seed(0)
        net = make().double()
        functional.set_step_mode(net, "m")
        y = net(repeated)
        weight = torch.randn(y.shape, dtype=F64, generator=torch.Generator().manual_seed(1))
        grads = torch.autograd.grad((y * weight).sum(), list(net.parameters()))
        results.append([y, *grads, *[b for b in net.buffers() if b.is_floating_point()]])
    return results


LAYERS = {
    "convolution": lambda: layer.Conv2d(3, 4, 3),
    "transposed convolution": lambda: layer.ConvTranspose2d(3, 4, 3),
    "group norm": lambda: layer.GroupNorm(1, 3),
    "batch norm": lambda: layer.BatchNorm2d(3),
    "cumulative batch norm": lambda: layer.BatchNorm2d(3, momentum=None),
    "threshold-dependent batch norm": lambda: layer.ThresholdDependentBatchNorm2d(1.0, 0.7, 3),
    "linear": lambda: layer.Linear(6, 2),
    "chain": lambda: nn.Sequential(
        layer.Conv2d(3, 4, 3), layer.BatchNorm2d(4), layer.MaxPool2d(2), layer.AvgPool2d(2), layer.Flatten(),
        layer.Linear(4, 3), layer.BatchNorm1d(3),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", LAYERS)
def test_layers(name: str) -> None:
    calls = []
    hook = torch.nn.modules.module.register_module_forward_hook(lambda m, args, y: calls.append(y.stride(0)))
    try:
        results = both(LAYERS[name], torch.rand(2, 3, 6, 6, dtype=F64))
    finally:
        hook.remove()
    assert calls[-1] == 0, "the output must be a view of one time step"
    for one, other in zip(*results, strict=True):
        torch.testing.assert_close(other, one, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("backend", ["torch", "cpp"])
def test_a_network_up_to_its_neurons(backend: str) -> None:
    def make() -> nn.Module:
        return nn.Sequential(
            layer.Conv2d(3, 4, 3), layer.BatchNorm2d(4), neuron.ParametricLIFNode(backend=backend), layer.Conv2d(4, 2, 3),
            neuron.IFNode(backend=backend),
        )  # fmt: skip

    with counted() as calls:
        results = both(make, torch.rand(2, 3, 6, 6, dtype=F64) * 3)
    assert len(calls) == (4 if backend == "cpp" else 0)
    for one, other in zip(*results, strict=True):
        torch.testing.assert_close(other, one, rtol=1e-10, atol=1e-11)
    assert torch.equal(results[0][0], results[1][0])


def test_the_gradient_reaches_an_input_that_asks_for_it() -> None:
    grads = []
    for repeat in (lambda x: x.repeat(T, 1, 1, 1, 1), lambda x: x.expand(T, *x.shape)):
        torch.manual_seed(0)
        net = nn.Sequential(layer.Conv2d(3, 4, 3), neuron.LIFNode(backend="cpp")).double()
        functional.set_step_mode(net, "m")
        x = (torch.rand(2, 3, 6, 6, dtype=F64, generator=torch.Generator().manual_seed(2)) * 3).requires_grad_()
        grads.append(torch.autograd.grad(net(repeat(x)).sum(), x)[0])
    torch.testing.assert_close(*grads, rtol=1e-12, atol=1e-12)


def test_dropout_still_draws_for_each_sample() -> None:
    x = torch.ones(2, 50).expand(T, 2, 50)
    y = layer.Dropout(0.5, step_mode="m")(x)
    assert y.shape == x.shape
    assert set(y.unique().tolist()) == {0.0, 2.0}


def test_batch_norm_of_one_value_per_channel_counts_the_time_steps() -> None:
    x = torch.rand(1, 3)
    copied = layer.BatchNorm1d(3, step_mode="m")(x.repeat(T, 1, 1))
    torch.testing.assert_close(layer.BatchNorm1d(3, step_mode="m")(x.expand(T, 1, 3)), copied, rtol=0.0, atol=1e-4)
