"""Surrogates built from logarithms, a Fourier series or a bounded 1/x."""

import functools
import math

import torch

from spikingjelly.activation_based.surrogate._base import MultiArgsSurrogateFunctionBase, SurrogateFunctionBase


class NonzeroSignLogAbs(SurrogateFunctionBase):
    r"""Primitive :math:`\mathrm{sgn}(x)\log(\alpha|x| + 1)`, slope :math:`\frac{1}{1/\alpha + |x|}`.

    :param alpha: sharpness, default 1.0
    :param spiking: True for spikes, False for the primitive function
    """

    _above = (("alpha", 0.0),)

    def __init__(self, alpha: float = 1.0, spiking: bool = True) -> None:
        super().__init__(alpha, spiking)

    @staticmethod
    def primitive_function(x: torch.Tensor, alpha: float) -> torch.Tensor:
        # The sign is never 0, so that autograd finds the slope alpha at x = 0 as well.
        size = torch.log(alpha * torch.where(x < 0, -x, x) + 1.0)
        return torch.where(x < 0, -size, size)

    @staticmethod
    def backward(grad_output: torch.Tensor, x: torch.Tensor, alpha: float) -> torch.Tensor:
        return grad_output / (1.0 / alpha + x.abs())


class S2NN(MultiArgsSurrogateFunctionBase):
    r"""Primitive :math:`\sigma(\alpha x)` for :math:`x < 0`, else :math:`\beta\log(|x + 1| + 10^{-5}) + \frac{1}{2}`,
    slope :math:`\alpha\sigma(\alpha x)(1 - \sigma(\alpha x))` and :math:`\frac{\beta}{x + 1}`.

    :param alpha: sharpness below zero, default 4.0
    :param beta: height from zero on, default 1.0
    :param spiking: True for spikes, False for the primitive function

    Source: Suetake et al., "S2NN: Time Step Reduction of Spiking Surrogate Gradients for Training Energy Efficient
    Single-Step Neural Networks", 2022.
    """

    _above = (("alpha", 0.0), ("beta", -math.inf))
    _parameter_names = ("alpha", "beta")

    def __init__(self, alpha: float = 4.0, beta: float = 1.0, spiking: bool = True) -> None:
        super().__init__(spiking, alpha=alpha, beta=beta)

    @staticmethod
    def primitive_function(x: torch.Tensor, alpha: float, beta: float) -> torch.Tensor:
        return torch.where(x < 0, torch.sigmoid(alpha * x), beta * torch.log((x + 1.0).abs() + 1e-5) + 0.5)

    @staticmethod
    def backward(grad_output: torch.Tensor, x: torch.Tensor, alpha: float, beta: float) -> torch.Tensor:
        s = torch.sigmoid(alpha * x)
        return grad_output * torch.where(x < 0, alpha * s * (1.0 - s), beta / (x + 1.0))


class SquarewaveFourierSeries(MultiArgsSurrogateFunctionBase):
    r"""The first terms of the Fourier series of a square wave with period :math:`T_p`: primitive
    :math:`\frac{1}{2} + \frac{2}{\pi}\sum_{i=1}^{n-1}\frac{\sin((2i-1) 2\pi x / T_p)}{2i-1}`,
    slope :math:`\frac{4}{T_p}\sum_{i=1}^{n-1}\cos((2i-1) 2\pi x / T_p)`.

    :param n: one more than the number of terms, default 2
    :param T_period: the period, default 8
    :param spiking: True for spikes, False for the primitive function

    :raises ValueError: if ``n`` is no int of at least 2, or (also an AssertionError) ``T_period <= 0``
    """

    _above = (("T_period", 0.0),)
    _parameter_names = ("n", "T_period")

    def __init__(self, n: int = 2, T_period: float = 8, spiking: bool = True) -> None:
        if isinstance(n, bool) or not isinstance(n, int) or n < 2:
            raise ValueError(f"SquarewaveFourierSeries: n must be an int of at least 2, but {n!r} was given.")
        super().__init__(spiking, n=n, T_period=T_period)

    @staticmethod
    def primitive_function(x: torch.Tensor, n: int, T_period: float) -> torch.Tensor:
        w = 2.0 * math.pi / T_period
        terms = [torch.sin(k * w * x) / k for k in range(1, 2 * n - 2, 2)]
        return 0.5 + 2.0 / math.pi * functools.reduce(torch.add, terms)

    @staticmethod
    def backward(grad_output: torch.Tensor, x: torch.Tensor, n: int, T_period: float) -> torch.Tensor:
        w = 2.0 * math.pi / T_period
        terms = [torch.cos(k * w * x) for k in range(1, 2 * n - 2, 2)]
        return grad_output * (4.0 / T_period) * functools.reduce(torch.add, terms)


class FakeNumericalGradient(SurrogateFunctionBase):
    r"""Slope :math:`\min(\frac{1}{|x|}, \alpha)`: what the step itself contributes to a difference quotient. It has no
    primitive function.

    :param alpha: upper bound of the slope, default 0.3
    """

    _above = (("alpha", 0.0),)

    def __init__(self, alpha: float = 0.3) -> None:
        super().__init__(alpha, spiking=True)

    @staticmethod
    def backward(grad_output: torch.Tensor, x: torch.Tensor, alpha: float) -> torch.Tensor:
        return grad_output * x.abs().reciprocal().clamp(max=alpha)


class LogTailedReLU(SurrogateFunctionBase):
    r"""Primitive :math:`\alpha x` for :math:`x \leq 0`, :math:`x` up to 1, then :math:`\log x + 1`,
    slope :math:`\alpha`, 1 and :math:`1/x`.

    :param alpha: slope below zero, default 0.0
    :param spiking: True for spikes, False for the primitive function

    Source: Cai et al., "Deep Learning with Low Precision by Half-wave Gaussian Quantization", CVPR 2017.
    """

    _above = (("alpha", -math.inf),)

    def __init__(self, alpha: float = 0.0, spiking: bool = True) -> None:
        super().__init__(alpha, spiking)

    @staticmethod
    def primitive_function(x: torch.Tensor, alpha: float) -> torch.Tensor:
        return torch.where(x <= 0, alpha * x, torch.where(x <= 1, x, torch.log(x.clamp(min=1.0)) + 1.0))

    @staticmethod
    def backward(grad_output: torch.Tensor, x: torch.Tensor, alpha: float) -> torch.Tensor:
        return torch.where(x <= 0, alpha * grad_output, grad_output / x.clamp(min=1.0))
