"""Convolution and batch normalisation as one convolution."""

import copy

import torch
from torch import nn

from spikingjelly.activation_based._checks import ArgumentTypeError, ArgumentValueError, describe


def fused_conv2d_weight_of_convbn2d(conv2d: nn.Conv2d, bn2d: nn.BatchNorm2d) -> torch.Tensor:
    r"""The weight of the convolution that does what ``conv2d`` and ``bn2d`` (in evaluation) do one after the other.

    .. math::
        W' = \frac{\gamma}{\sqrt{\sigma^2 + \epsilon}} W

    :return: ``[C_out, C_in / groups, kH, kW]``, part of the autograd graph of the two modules

    :raises TypeError: (also an AssertionError) if the modules are no Conv2d and BatchNorm2d
    :raises ValueError: (also an AssertionError) if ``bn2d`` has no running statistics, or not ``C_out`` of them
    """
    _check_pair(conv2d, bn2d)
    return conv2d.weight * _gain(bn2d).view(-1, 1, 1, 1)


def fused_conv2d_bias_of_convbn2d(conv2d: nn.Conv2d, bn2d: nn.BatchNorm2d) -> torch.Tensor:
    r"""The bias of the convolution that does what ``conv2d`` and ``bn2d`` (in evaluation) do one after the other.

    .. math::
        b' = \beta + \frac{\gamma}{\sqrt{\sigma^2 + \epsilon}} (b - \mu)

    :return: ``[C_out]``, part of the autograd graph of the two modules

    Errors: those of :func:`fused_conv2d_weight_of_convbn2d`.
    """
    _check_pair(conv2d, bn2d)
    mean = _running_mean(bn2d)
    centre = -mean if conv2d.bias is None else conv2d.bias - mean
    bias = centre * _gain(bn2d)
    return bias if bn2d.bias is None else bn2d.bias + bias


@torch.no_grad()
def scale_fused_conv2d_weight_of_convbn2d(
    conv2d: nn.Conv2d, bn2d: nn.BatchNorm2d, k: float | None = None, b: float | None = None
) -> None:
    r"""Change the weight of ``conv2d`` in place: :math:`W \leftarrow k W + b`.

    The fused weight becomes :math:`k W' + b \gamma / \sqrt{\sigma^2 + \epsilon}`; the fused bias stays.

    :param k: factor, None for 1
    :param b: summand, None for 0

    Errors: those of :func:`fused_conv2d_weight_of_convbn2d`.
    """
    _check_pair(conv2d, bn2d)
    if k is not None:
        conv2d.weight.mul_(k)
    if b is not None:
        conv2d.weight.add_(b)


@torch.no_grad()
def scale_fused_conv2d_bias_of_convbn2d(
    conv2d: nn.Conv2d, bn2d: nn.BatchNorm2d, k: float | None = None, b: float | None = None
) -> None:
    r"""Change the two modules in place so that the fused bias :math:`b'` becomes :math:`k b' + b`.

    The fused weight stays: what changes is the bias of ``bn2d``, its running mean and, if there is one, the bias of
    ``conv2d``.

    :param k: factor, None for 1
    :param b: summand, None for 0

    Errors: those of :func:`fused_conv2d_weight_of_convbn2d`.

    :raises ValueError: (also an AssertionError) if ``bn2d`` has no bias (``affine=False``) to which ``b`` could go
    """
    _check_pair(conv2d, bn2d)
    if b is not None and bn2d.bias is None:
        raise ArgumentValueError(
            "scale_fused_conv2d_bias_of_convbn2d: bn2d must have a bias to add b to, but it has affine=False."
        )
    if k is not None:
        for part in (bn2d.bias, bn2d.running_mean, conv2d.bias):
            if part is not None:
                part.mul_(k)
    if b is not None:
        bn2d.bias.add_(b)


@torch.no_grad()
def fuse_convbn2d(conv2d: nn.Conv2d, bn2d: nn.BatchNorm2d) -> nn.Conv2d:
    """One convolution that does what ``conv2d`` and ``bn2d`` (in evaluation) do one after the other.

    :return: a new module of the class of ``conv2d`` with a bias; with its settings, device, dtype and step mode

    Errors: those of :func:`fused_conv2d_weight_of_convbn2d`.
    """
    weight = fused_conv2d_weight_of_convbn2d(conv2d, bn2d)
    bias = fused_conv2d_bias_of_convbn2d(conv2d, bn2d)
    fused = copy.deepcopy(conv2d)
    fused.weight = nn.Parameter(weight, requires_grad=conv2d.weight.requires_grad)
    fused.bias = nn.Parameter(bias, requires_grad=conv2d.weight.requires_grad)
    return fused


def _gain(bn2d: nn.BatchNorm2d) -> torch.Tensor:
    assert bn2d.running_var is not None
    gain = torch.rsqrt(bn2d.running_var + bn2d.eps)
    return gain if bn2d.weight is None else bn2d.weight * gain


def _running_mean(bn2d: nn.BatchNorm2d) -> torch.Tensor:
    assert bn2d.running_mean is not None
    return bn2d.running_mean


def _check_pair(conv2d: nn.Conv2d, bn2d: nn.BatchNorm2d) -> None:
    for name, module, expected in (("conv2d", conv2d, nn.Conv2d), ("bn2d", bn2d, nn.BatchNorm2d)):
        if not isinstance(module, expected):
            raise ArgumentTypeError(
                f"fusing a convolution: {name} must be a {expected.__name__}, but {describe(module)} was given."
            )
    if bn2d.running_mean is None or bn2d.running_var is None:
        raise ArgumentValueError(
            "fusing a convolution: bn2d must have running statistics, but it has track_running_stats=False."
        )
    if bn2d.num_features != conv2d.out_channels:
        raise ArgumentValueError(
            f"fusing a convolution: bn2d must have as many features as conv2d has output channels, "
            f"{conv2d.out_channels}, but it has {bn2d.num_features}."
        )
