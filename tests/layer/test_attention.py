"""Attention, against loops over samples and axes."""

import pytest
import torch
from torch import nn

from spikingjelly.activation_based import base, functional, layer


def score(mlp: nn.Sequential, values: list[torch.Tensor]) -> torch.Tensor:
    """sigma(MLP(mean) + MLP(max)), the mean and the maximum of each of the tensors."""
    first, second = mlp[0].weight.flatten(1), mlp[2].weight.flatten(1)
    pooled = [torch.stack([v.mean() for v in values]), torch.stack([v.max() for v in values])]
    return sum(second @ (first @ p).clamp(min=0) for p in pooled).sigmoid()


@pytest.mark.parametrize(("dimension", "sample"), [(4, (3, 4, 5)), (2, (6,))])
def test_temporal_wise(dimension: int, sample: tuple[int, ...]) -> None:
    T, N = 6, 2
    attention = layer.TemporalWiseAttention(T, 2, dimension).double()
    assert {k: tuple(v.shape) for k, v in attention.state_dict().items()} == {
        "sharedMLP.0.weight": (3, 6),
        "sharedMLP.2.weight": (6, 3),
    }
    x_seq = torch.randn(T, N, *sample, dtype=torch.float64)
    y_seq = attention(x_seq)
    for n in range(N):
        weights = score(attention.sharedMLP, [x_seq[t, n] for t in range(T)])
        for t in range(T):
            torch.testing.assert_close(y_seq[t, n], weights[t] * x_seq[t, n])


@pytest.mark.parametrize("kernel_size", [1, 3, 7])
def test_multi_dimensional(kernel_size: int) -> None:
    T, N, C = 4, 2, 6
    attention = layer.MultiDimensionalAttention(T, C, 2, 3, kernel_size).double()
    assert {k: tuple(v.shape) for k, v in attention.state_dict().items()} == {
        "ta.sharedMLP.0.weight": (2, 4, 1, 1, 1),
        "ta.sharedMLP.2.weight": (4, 2, 1, 1, 1),
        "ca.sharedMLP.0.weight": (2, 6, 1, 1, 1),
        "ca.sharedMLP.2.weight": (6, 2, 1, 1, 1),
        "sa.conv.weight": (1, 2, kernel_size, kernel_size),
    }
    x_seq = torch.randn(T, N, C, 4, 5, dtype=torch.float64)
    y_seq = attention(x_seq)
    for n in range(N):
        x = x_seq[:, n]
        x = x * score(attention.ta.sharedMLP, [x[t] for t in range(T)]).view(-1, 1, 1, 1)
        x = x * score(attention.ca.sharedMLP, [x[:, c] for c in range(C)]).view(1, -1, 1, 1)
        maps = torch.stack([x.mean((0, 1)), x.amax((0, 1))])[None]
        padded = nn.functional.pad(maps, [kernel_size // 2] * 4)
        x = x * nn.functional.conv2d(padded, attention.sa.conv.weight).sigmoid()
        torch.testing.assert_close(y_seq[:, n], x.clamp(min=0))


MAKE = {
    "TemporalWiseAttention": lambda: layer.TemporalWiseAttention(4, 2),
    "MultiDimensionalAttention": lambda: layer.MultiDimensionalAttention(4, 6, 2, 2),
}


@pytest.mark.parametrize("name", MAKE)
def test_both_are_modules_for_sequences_with_gradients(name: str) -> None:
    attention = MAKE[name]()
    assert isinstance(attention, nn.Module)
    assert isinstance(attention, base.MultiStepModule)
    assert attention.step_mode == "m"
    functional.set_step_mode(attention, "m")
    assert f"{name}(\n  T=4, " in repr(attention)
    x_seq = torch.rand(4, 2, 6, 3, 3, requires_grad=True)
    attention(x_seq).square().sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in attention.parameters())
    assert x_seq.grad.any()
    assert attention(torch.rand(4, 1, 6, 3, 3)).shape == (4, 1, 6, 3, 3)
    with pytest.raises(ValueError, match=f"{name}: step_mode must be 'm', but 's'"):
        attention.step_mode = "s"


@pytest.mark.parametrize("name", MAKE)
@pytest.mark.parametrize(
    ("x", "error", "message"),
    [
        (torch.rand(4, 2, 6), ValueError, r"expected x with shape \[T, N, C, H, W\], but got x with shape \[4, 2, 6\]"),
        (torch.rand(3, 2, 6, 3, 3), ValueError, r"expected a sequence with T=4, but got x with shape \[3, .*Give T=3"),
        (torch.ones(4, 2, 6, 3, 3, dtype=torch.bool), TypeError, "must have a floating-point dtype"),
        ([1.0], TypeError, "must be a torch.Tensor"),
    ],
)
def test_inputs(name: str, x: torch.Tensor, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=f"{name}: .*{message}"):
        MAKE[name]()(x)


def test_layouts_and_channels() -> None:
    with pytest.raises(ValueError, match=r"expected x with shape \[T, N, L\], but got x with shape \[4, 2, 6, 3\]"):
        layer.TemporalWiseAttention(4, 2, dimension=2)(torch.rand(4, 2, 6, 3))
    with pytest.raises(
        ValueError, match=r"expected a sequence with C=6, but got x with shape \[4, 2, 5, 3, 3\]. Give C=5"
    ):
        layer.MultiDimensionalAttention(4, 6, 2, 2)(torch.rand(4, 2, 5, 3, 3))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: layer.TemporalWiseAttention(8), r"reduction=16 is greater than T=8.*Choose reduction <= 8"),
        (lambda: layer.TemporalWiseAttention(8, 2, 3), r"dimension must be 4 for .* or 2 for .*, but 3 \(int\)"),
        (lambda: layer.TemporalWiseAttention(0, 1), "T must be at least 1, but 0"),
        (lambda: layer.TemporalWiseAttention(8, 0), "reduction must be at least 1, but 0"),
        (lambda: layer.MultiDimensionalAttention(8, 16), "reduction_t=16 is greater than T=8"),
        (lambda: layer.MultiDimensionalAttention(16, 8), "reduction_c=16 is greater than C=8"),
        (lambda: layer.MultiDimensionalAttention(4, 4, 2, 2, 4), "kernel_size must be odd, .* but 4 was given"),
        (lambda: layer.MultiDimensionalAttention(4, 4, 2, 2, 0), "kernel_size must be at least 1, but 0"),
    ],
)
def test_arguments(make, message: str) -> None:
    for error in (ValueError, AssertionError):
        with pytest.raises(error, match=message):
            make()
