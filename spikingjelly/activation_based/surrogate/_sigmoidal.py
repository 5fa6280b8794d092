"""Surrogates whose primitive rises smoothly from 0 to 1.

The slopes are written out, not derived: a nested autograd call in each backward doubles the time of an eager training
step. The tests hold every slope against finite differences of its primitive.
"""

import math

import torch
import torch.nn.functional as F

from spikingjelly.activation_based.surrogate._base import SurrogateFunctionBase


class Sigmoid(SurrogateFunctionBase):
    r"""Primitive :math:`\sigma(\alpha x)`, slope :math:`\alpha \sigma(\alpha x)(1 - \sigma(\alpha x))`.

    :param alpha: sharpness, default 4.0 (1.0 before version 0.0.0.0.10 of the published package)
    :param spiking: True for spikes, False for the primitive function
    """

    _above = (("alpha", 0.0),)

    def __init__(self, alpha: float = 4.0, spiking: bool = True) -> None:
        super().__init__(alpha, spiking)

    @staticmethod
    def primitive_function(x: torch.Tensor, alpha: float) -> torch.Tensor:
        return torch.sigmoid(alpha * x)

    @staticmethod
    def backward(grad_output: torch.Tensor, x: torch.Tensor, alpha: float) -> torch.Tensor:
        s = torch.sigmoid(alpha * x)
        return grad_output * (alpha * s * (1.0 - s))


class ATan(SurrogateFunctionBase):
    r"""Primitive :math:`\frac{1}{\pi}\arctan(\frac{\pi}{2}\alpha x) + \frac{1}{2}`,
    slope :math:`\frac{\alpha / 2}{1 + (\frac{\pi}{2}\alpha x)^2} = \frac{1}{2/\alpha + \frac{\pi^2}{2}\alpha x^2}`.

    :param alpha: sharpness, default 2.0
    :param spiking: True for spikes, False for the primitive function

    Source: Fang et al., "Incorporating Learnable Membrane Time Constant to Enhance Learning of Spiking Neural
    Networks", ICCV 2021.
    """

    _above = (("alpha", 0.0),)

    def __init__(self, alpha: float = 2.0, spiking: bool = True) -> None:
        super().__init__(alpha, spiking)

    @staticmethod
    def primitive_function(x: torch.Tensor, alpha: float) -> torch.Tensor:
        return torch.atan(math.pi / 2 * alpha * x) / math.pi + 0.5

    @staticmethod
    def backward(grad_output: torch.Tensor, x: torch.Tensor, alpha: float) -> torch.Tensor:
        # rsub is 2 / alpha + (pi^2 / 2) alpha x^2 in one operation: small tensors cost an operation, not an element.
        return grad_output / torch.rsub(x.square(), 2.0 / alpha, alpha=-(math.pi**2) / 2 * alpha)


class SoftSign(SurrogateFunctionBase):
    r"""Primitive :math:`\frac{1}{2}(\frac{\alpha x}{1 + |\alpha x|} + 1)`,
    slope :math:`\frac{1}{2\alpha(1/\alpha + |x|)^2}`.

    :param alpha: sharpness, default 2.0
    :param spiking: True for spikes, False for the primitive function
    """

    _above = (("alpha", 0.0),)

    def __init__(self, alpha: float = 2.0, spiking: bool = True) -> None:
        super().__init__(alpha, spiking)

    @staticmethod
    def primitive_function(x: torch.Tensor, alpha: float) -> torch.Tensor:
        return (F.softsign(alpha * x) + 1.0) / 2.0

    @staticmethod
    def backward(grad_output: torch.Tensor, x: torch.Tensor, alpha: float) -> torch.Tensor:
        return grad_output / (2.0 * alpha * (1.0 / alpha + x.abs()).square())


class SuperSpike(SurrogateFunctionBase):
    r"""Primitive :math:`\alpha\frac{x}{1 + |x|} + \frac{1}{2}`, slope :math:`\frac{\alpha}{(1 + |x|)^2}`.

    :param alpha: height of the slope, default 1.0
    :param spiking: True for spikes, False for the primitive function

    Source: Zenke, Ganguli, "SuperSpike: Supervised Learning in Multilayer Spiking Neural Networks", 2018.
    """

    _above = (("alpha", 0.0),)

    def __init__(self, alpha: float = 1.0, spiking: bool = True) -> None:
        super().__init__(alpha, spiking)

    @staticmethod
    def primitive_function(x: torch.Tensor, alpha: float) -> torch.Tensor:
        return alpha * F.softsign(x) + 0.5

    @staticmethod
    def backward(grad_output: torch.Tensor, x: torch.Tensor, alpha: float) -> torch.Tensor:
        return grad_output * alpha / (1.0 + x.abs()).square()


class Erf(SurrogateFunctionBase):
    r"""Primitive :math:`\frac{1}{2}\mathrm{erfc}(-\alpha x)`, slope :math:`\frac{\alpha}{\sqrt{\pi}}e^{-(\alpha x)^2}`.

    :param alpha: sharpness, default 2.0
    :param spiking: True for spikes, False for the primitive function
    """

    _above = (("alpha", 0.0),)

    def __init__(self, alpha: float = 2.0, spiking: bool = True) -> None:
        super().__init__(alpha, spiking)

    @staticmethod
    def primitive_function(x: torch.Tensor, alpha: float) -> torch.Tensor:
        return torch.erfc(-alpha * x) / 2.0

    @staticmethod
    def backward(grad_output: torch.Tensor, x: torch.Tensor, alpha: float) -> torch.Tensor:
        return grad_output * (alpha / math.sqrt(math.pi)) * torch.exp(-(alpha * x).square())


class PiecewiseExp(SurrogateFunctionBase):
    r"""Primitive :math:`\frac{1}{2}e^{\alpha x}` for :math:`x < 0`, else :math:`1 - \frac{1}{2}e^{-\alpha x}`,
    slope :math:`\frac{\alpha}{2}e^{-\alpha |x|}`.

    :param alpha: sharpness, default 1.0
    :param spiking: True for spikes, False for the primitive function
    """

    _above = (("alpha", 0.0),)

    def __init__(self, alpha: float = 1.0, spiking: bool = True) -> None:
        super().__init__(alpha, spiking)

    @staticmethod
    def primitive_function(x: torch.Tensor, alpha: float) -> torch.Tensor:
        # not x.abs(), whose slope at 0 is 0
        tail = torch.exp(-alpha * torch.where(x < 0, -x, x)) / 2.0
        return torch.where(x < 0, tail, 1.0 - tail)

    @staticmethod
    def backward(grad_output: torch.Tensor, x: torch.Tensor, alpha: float) -> torch.Tensor:
        return grad_output * (alpha / 2) * torch.exp(-alpha * x.abs())


class QPseudoSpike(SurrogateFunctionBase):
    r"""Primitive :math:`1 - \frac{1}{2}(1 + \frac{2x}{\alpha - 1})^{1 - \alpha}` for :math:`x \geq 0`, mirrored at
    (0, 1/2) below, slope :math:`(1 + \frac{2|x|}{\alpha - 1})^{-\alpha}`.

    :param alpha: heaviness of the tail, greater than 1, default 2.0
    :param spiking: True for spikes, False for the primitive function

    Source: Herranz-Celotti, Rouat, "Surrogate Gradients Design", 2022.
    """

    _above = (("alpha", 1.0),)

    def __init__(self, alpha: float = 2.0, spiking: bool = True) -> None:
        super().__init__(alpha, spiking)

    @staticmethod
    def primitive_function(x: torch.Tensor, alpha: float) -> torch.Tensor:
        # not x.abs(), whose slope at 0 is 0
        tail = (1.0 + 2.0 / (alpha - 1.0) * torch.where(x < 0, -x, x)).pow(1.0 - alpha) / 2.0
        return torch.where(x < 0, tail, 1.0 - tail)

    @staticmethod
    def backward(grad_output: torch.Tensor, x: torch.Tensor, alpha: float) -> torch.Tensor:
        return grad_output * (1.0 + 2.0 / (alpha - 1.0) * x.abs()).pow(-alpha)
