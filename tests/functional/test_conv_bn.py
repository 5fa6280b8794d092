"""A convolution with batch normalisation as one convolution, against the two one after the other."""

import copy
from collections.abc import Callable

import pytest
import torch
from torch import nn

from spikingjelly.activation_based import functional, layer


def pair(bias: bool, affine: bool = True, **options: object) -> tuple[nn.Conv2d, nn.BatchNorm2d]:
    torch.manual_seed(1)
    conv = nn.Conv2d(4, 6, 3, bias=bias, **options).double()
    bn = nn.BatchNorm2d(6, eps=1e-3, affine=affine).double().eval()
    bn.running_mean.normal_()
    bn.running_var.uniform_(0.5, 2.0)
    for parameter in bn.parameters():
        nn.init.normal_(parameter)
    return conv, bn


X = torch.randn(2, 4, 7, 7, dtype=torch.float64, generator=torch.Generator().manual_seed(5))


@pytest.mark.parametrize("affine", [True, False], ids=["affine", "plain"])
@pytest.mark.parametrize("bias", [True, False], ids=["bias", "no bias"])
def test_fused_equals_unfused(bias: bool, affine: bool) -> None:
    conv, bn = pair(bias, affine, stride=2, padding=1, groups=2, padding_mode="circular")
    before = copy.deepcopy((conv.state_dict(), bn.state_dict()))
    fused = functional.fuse_convbn2d(conv, bn)
    torch.testing.assert_close(fused(X), bn(conv(X)))
    assert fused.weight.is_leaf
    assert fused.bias.requires_grad
    weight = functional.fused_conv2d_weight_of_convbn2d(conv, bn)
    y = nn.functional.conv2d(
        nn.functional.pad(X, (1, 1, 1, 1), mode="circular"),
        weight,
        functional.fused_conv2d_bias_of_convbn2d(conv, bn),
        stride=2,
        groups=2,
    )
    torch.testing.assert_close(y, bn(conv(X)))
    for old, module in zip(before, (conv, bn), strict=True):
        assert all(torch.equal(old[name], value) for name, value in module.state_dict().items())


def test_the_gradient_reaches_both_modules() -> None:
    conv, bn = pair(bias=True)
    fused_sum = functional.fused_conv2d_weight_of_convbn2d(conv, bn).sum()
    (fused_sum + functional.fused_conv2d_bias_of_convbn2d(conv, bn).sum()).backward()
    assert all(parameter.grad is not None for parameter in [*conv.parameters(), *bn.parameters()])


def test_a_multi_step_convolution_stays_one() -> None:
    conv = layer.Conv2d(4, 6, 3, bias=False, step_mode="m").eval()
    bn = layer.BatchNorm2d(6, step_mode="m").eval()
    bn.running_mean.normal_()
    fused = functional.fuse_convbn2d(conv, bn)
    x_seq = X.float().unsqueeze(0).repeat(3, 1, 1, 1, 1)
    torch.testing.assert_close(fused(x_seq), bn(conv(x_seq)))
    assert isinstance(fused, layer.Conv2d)
    assert not fused.training


@pytest.mark.parametrize("bias", [True, False], ids=["bias", "no bias"])
@pytest.mark.parametrize(("k", "b"), [(2.0, None), (None, 0.5), (-1.5, 0.5), (None, None)])
def test_scaling(bias: bool, k: float | None, b: float | None) -> None:
    factor, summand = 1.0 if k is None else k, 0.0 if b is None else b
    conv, bn = pair(bias)
    conv_weight = conv.weight.detach().clone()
    fused_weight = functional.fused_conv2d_weight_of_convbn2d(conv, bn).detach().clone()
    fused_bias = functional.fused_conv2d_bias_of_convbn2d(conv, bn).detach().clone()

    functional.scale_fused_conv2d_bias_of_convbn2d(conv, bn, k, b)
    new_bias = functional.fused_conv2d_bias_of_convbn2d(conv, bn)
    torch.testing.assert_close(new_bias, factor * fused_bias + summand)
    assert torch.equal(functional.fused_conv2d_weight_of_convbn2d(conv, bn), fused_weight)

    functional.scale_fused_conv2d_weight_of_convbn2d(conv, bn, k, b)
    torch.testing.assert_close(conv.weight.detach(), factor * conv_weight + summand)
    gain = (bn.weight / torch.sqrt(bn.running_var + 1e-3)).view(-1, 1, 1, 1)
    new_weight = functional.fused_conv2d_weight_of_convbn2d(conv, bn)
    torch.testing.assert_close(new_weight, factor * fused_weight + summand * gain)
    assert torch.equal(functional.fused_conv2d_bias_of_convbn2d(conv, bn), new_bias)


FUNCTIONS = [
    functional.fuse_convbn2d,
    functional.fused_conv2d_weight_of_convbn2d,
    functional.fused_conv2d_bias_of_convbn2d,
    functional.scale_fused_conv2d_weight_of_convbn2d,
    functional.scale_fused_conv2d_bias_of_convbn2d,
]


@pytest.mark.parametrize("function", FUNCTIONS)
def test_bad_arguments_are_told(function: Callable[..., object]) -> None:
    conv, bn = pair(bias=True)
    with pytest.raises(TypeError, match="conv2d must be a Conv2d, but Linear"):
        function(nn.Linear(1, 1), bn)
    with pytest.raises(TypeError, match="bn2d must be a BatchNorm2d, but BatchNorm1d"):
        function(conv, nn.BatchNorm1d(6))
    with pytest.raises(ValueError, match="bn2d must have running statistics.*track_running_stats=False"):
        function(conv, nn.BatchNorm2d(6, track_running_stats=False))
    with pytest.raises(ValueError, match="as many features as conv2d has output channels, 6, but it has 5"):
        function(conv, nn.BatchNorm2d(5))


def test_there_is_no_bias_to_add_to() -> None:
    with pytest.raises(ValueError, match="bn2d must have a bias to add b to, but it has affine=False"):
        functional.scale_fused_conv2d_bias_of_convbn2d(*pair(bias=False, affine=False), b=1.0)
