"""Surrogates that are put together from pieces: linear, quadratic or constant between kinks."""

import math
from typing import Any

import torch

from spikingjelly.activation_based._later_arguments import Arguments, also_called
from spikingjelly.activation_based.surrogate._base import MultiArgsSurrogateFunctionBase, SurrogateFunctionBase


class PiecewiseQuadratic(SurrogateFunctionBase):
    r"""Primitive :math:`-\frac{1}{2}\alpha^2 x|x| + \alpha x + \frac{1}{2}` between :math:`\pm 1/\alpha`, 0 below and
    1 above, slope :math:`\max(0, \alpha - \alpha^2 |x|)`.

    :param alpha: sharpness, default 1.0
    :param spiking: True for spikes, False for the primitive function

    Source: Esser et al., "Convolutional networks for fast, energy-efficient neuromorphic computing", PNAS 2016.
    """

    _above = (("alpha", 0.0),)

    def __init__(self, alpha: float = 1.0, spiking: bool = True) -> None:
        super().__init__(alpha, spiking)

    @staticmethod
    def primitive_function(x: torch.Tensor, alpha: float) -> torch.Tensor:
        c = x.clamp(-1.0 / alpha, 1.0 / alpha)
        return alpha * c - alpha**2 / 2 * c * c.abs() + 0.5

    @staticmethod
    def backward(grad_output: torch.Tensor, x: torch.Tensor, alpha: float) -> torch.Tensor:
        return grad_output * (alpha - alpha**2 * x.abs()).clamp(min=0.0)


class Rect(SurrogateFunctionBase):
    r"""Primitive :math:`\alpha x + \frac{1}{2}` clamped to [0, 1], slope :math:`\alpha` where
    :math:`|x| < \frac{1}{2\alpha}`, else 0.

    :param alpha: height of the slope, default 1.0
    :param spiking: True for spikes, False for the primitive function
    """

    _above = (("alpha", 0.0),)

    def __init__(self, alpha: float = 1.0, spiking: bool = True) -> None:
        super().__init__(alpha, spiking)

    @staticmethod
    def primitive_function(x: torch.Tensor, alpha: float) -> torch.Tensor:
        return (alpha * x + 0.5).clamp(0.0, 1.0)

    @staticmethod
    def backward(grad_output: torch.Tensor, x: torch.Tensor, alpha: float) -> torch.Tensor:
        return grad_output * alpha * (x.abs() < 0.5 / alpha)


class PiecewiseLeakyReLU(MultiArgsSurrogateFunctionBase):
    r"""Primitive :math:`\frac{x}{2w} + \frac{1}{2}` between :math:`\pm w`, :math:`cx + cw` below and
    :math:`cx + 1 - cw` above, slope :math:`\frac{1}{2w}` inside and :math:`c` outside.

    :param w: half of the width of the steep piece, default 1.0
    :param c: slope outside, default 0.01
    :param spiking: True for spikes, False for the primitive function

    Source: Wu et al., "Direct Training for Spiking Neural Networks: Faster, Larger, Better", AAAI 2019. The published
    package had the slope 1/w up to version 0.0.0.0.14; since 0.0.0.0.15 it is the derivative of the primitive.
    """

    _above = (("w", 0.0), ("c", -math.inf))
    _parameter_names = ("w", "c")

    def __init__(self, w: float = 1.0, c: float = 0.01, spiking: bool = True) -> None:
        super().__init__(spiking, w=w, c=c)

    @staticmethod
    def primitive_function(x: torch.Tensor, w: float, c: float) -> torch.Tensor:
        inside = x.clamp(-w, w)
        return inside / (2.0 * w) + 0.5 + c * (x - inside)

    @staticmethod
    def backward(grad_output: torch.Tensor, x: torch.Tensor, w: float, c: float) -> torch.Tensor:
        return torch.where(x.abs() < w, grad_output / (2.0 * w), grad_output * c)


def _leak_first(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Arguments:
    if args and not isinstance(args[0], bool) and len(args) <= 3:
        return (), {**dict(zip(("leak", "k", "spiking"), args, strict=False)), **kwargs}
    return args, kwargs


def _spiking_alone(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Arguments:
    if len(args) == 1 and isinstance(args[0], bool) and not kwargs:
        return (), {"spiking": args[0]}
    return args, kwargs


class LeakyKReLU(MultiArgsSurrogateFunctionBase):
    r"""Primitive :math:`kx` for :math:`x \geq 0`, else :math:`\mathrm{leak} \cdot x`; slope :math:`k` and leak.

    :param spiking: True for spikes, False for the primitive function (first, as it has always been; the order of the
        2.0 releases, ``LeakyKReLU(leak, k, spiking)``, is told from it by the first being no bool)
    :param leak: slope below zero, default 0.0
    :param k: slope from zero on, default 1.0
    """

    _above = (("leak", -math.inf), ("k", -math.inf))
    _parameter_names = ("leak", "k")

    @also_called(_leak_first)
    def __init__(self, spiking: bool = True, leak: float = 0.0, k: float = 1.0) -> None:
        super().__init__(spiking, leak=leak, k=k)

    @staticmethod
    def primitive_function(x: torch.Tensor, leak: float, k: float) -> torch.Tensor:
        return torch.where(x >= 0, k * x, leak * x)

    @staticmethod
    def backward(grad_output: torch.Tensor, x: torch.Tensor, leak: float, k: float) -> torch.Tensor:
        return torch.where(x >= 0, k * grad_output, leak * grad_output)


class DeterministicPass(SurrogateFunctionBase):
    r"""Straight through: primitive :math:`x`, slope 1.

    :param alpha: without effect, default 1.0; may be left out, as in ``DeterministicPass(False)``
    :param spiking: True for spikes, False for the primitive function

    Source: Tang et al., "Deep Reinforcement Learning with Population-Coded Spiking Neural Network for Continuous
    Control", CoRL 2020.
    """

    @also_called(_spiking_alone)
    def __init__(self, alpha: float = 1.0, spiking: bool = True) -> None:
        super().__init__(alpha, spiking)

    @staticmethod
    def primitive_function(x: torch.Tensor, alpha: float) -> torch.Tensor:
        return x

    @staticmethod
    def backward(grad_output: torch.Tensor, x: torch.Tensor, alpha: float) -> torch.Tensor:
        return grad_output
