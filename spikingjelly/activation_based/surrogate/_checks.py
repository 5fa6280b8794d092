"""Checks that people who write a surrogate run on it."""

import copy
from collections.abc import Callable
from typing import Any

import torch
from torch import nn


def check_manual_grad(
    primitive_function: Callable[..., torch.Tensor],
    spiking_function: Callable[..., torch.Tensor],
    *args: Any,
    tolerance: float = 1e-6,
    **kwargs: Any,
) -> None:
    """Compare the slope of ``spiking_function`` with the derivative of ``primitive_function``, in float64 on [-2, 2].

    :param args: parameters of both functions, after ``x``
    :param tolerance: largest absolute difference that is accepted
    :raises AssertionError: that names the point of the largest difference
    """
    points = torch.linspace(-2.0, 2.0, 1001, dtype=torch.float64)
    slopes = []
    for function in (primitive_function, spiking_function):
        x = points.clone().requires_grad_()
        slopes.append(torch.autograd.grad(function(x, *args, **kwargs).sum(), x)[0])
    difference = (slopes[0] - slopes[1]).abs()
    worst = int(difference.argmax())
    if not difference[worst] <= tolerance:
        raise AssertionError(
            f"at x = {points[worst]:.3f} the spiking function has the slope {slopes[1][worst]:.6g}, but the "
            f"derivative of the primitive function is {slopes[0][worst]:.6g}"
        )


def check_cuda_grad(
    neu: Callable[..., nn.Module],
    surrogate_function: Callable[..., nn.Module],
    device: Any,
    *args: Any,
    tolerance: float = 1e-5,
    **kwargs: Any,
) -> None:
    """Compare a multi-step neuron on ``device`` with ``backend='cupy'`` with the same neuron with ``backend='torch'``.

    :param neu: the neuron's class, made with ``step_mode='m'``, ``backend`` and ``surrogate_function``
    :param surrogate_function: the surrogate's class, made with ``args`` and ``kwargs``
    :param tolerance: largest absolute difference of the input gradients that is accepted
    :raises AssertionError: if spikes differ or gradients differ by more
    """
    x = torch.randn(16, 8, 64, generator=torch.Generator().manual_seed(0)).to(device) + 0.5
    results = []
    for backend in ("torch", "cupy"):
        node = neu(surrogate_function=surrogate_function(*args, **kwargs), step_mode="m", backend=backend).to(device)
        inputs = copy.deepcopy(x).requires_grad_()
        spikes = node(inputs)
        results.append((spikes, torch.autograd.grad(spikes.square().sum(), inputs)[0]))
    (spikes, grad), (fused_spikes, fused_grad) = results
    if not torch.equal(spikes, fused_spikes):
        raise AssertionError(f"{int((spikes != fused_spikes).sum())} of {spikes.numel()} spikes differ")
    if not (grad - fused_grad).abs().max() <= tolerance:
        raise AssertionError(f"the gradients differ by up to {(grad - fused_grad).abs().max():.3g}")
