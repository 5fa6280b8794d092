"""Surrogate functions: those of :mod:`spikingjelly.activation_based.surrogate`, with one slope as it was published."""

import torch

from spikingjelly.activation_based import surrogate
from spikingjelly.activation_based.surrogate import *  # noqa: F403
from spikingjelly.activation_based.surrogate import __all__ as __all__
from spikingjelly.activation_based.surrogate._base import gradients_of


class PiecewiseLeakyReLU(surrogate.PiecewiseLeakyReLU):  # type: ignore[no-redef]
    r"""As :class:`spikingjelly.activation_based.surrogate.PiecewiseLeakyReLU`, but the slope inside is
    :math:`\frac{1}{w}`.

    That is twice the derivative of the primitive function; all releases with ``clock_driven`` had it.
    """

    @staticmethod
    def backward(grad_output: torch.Tensor, x: torch.Tensor, w: float, c: float) -> torch.Tensor:
        return torch.where(x.abs() < w, grad_output / w, grad_output * c)


piecewise_leaky_relu = PiecewiseLeakyReLU._function
piecewise_leaky_relu_backward = gradients_of(PiecewiseLeakyReLU)
