"""The quantised activation that is trained for conversion, and how to put it into a network."""

import torch
from torch import nn

from spikingjelly.activation_based import quantize

__all__ = ["QCFS"]


class QCFS(nn.Module):
    r"""Quantisation, clip, floor and shift: a ReLU with L steps and a learnable upper end.

    .. math::
        y = \lambda \, \mathrm{clip}\Big( \frac{1}{L} \Big\lfloor \frac{x L}{\lambda} + \frac{1}{2} \Big\rfloor, 0, 1
        \Big)

    That is the mean output of an integrate-and-fire neuron with threshold :math:`\lambda` and initial potential
    :math:`\lambda / 2` after L time steps, if its charge is there before it fires. The gradient treats the floor as
    the identity; :math:`\lambda` gets the true gradient of what remains.

    :param L: levels above 0, at least 1, default 8
    :param threshold: initial value of the parameter ``threshold``, :math:`\lambda`, greater than 0, default 8.0

    Any shape. Source: Bu et al., "Optimal ANN-SNN Conversion for High-accuracy and Ultra-low-latency Spiking Neural
    Networks", ICLR 2022.

    :raises ValueError: for L below 1 and a threshold that is not positive
    """

    def __init__(self, L: int = 8, threshold: float = 8.0) -> None:
        super().__init__()
        if isinstance(L, bool) or not isinstance(L, int) or L < 1:
            raise ValueError(f"QCFS: L must be an int of at least 1, but {L!r} was given.")
        if not threshold > 0:
            raise ValueError(f"QCFS: threshold must be greater than 0, but {threshold!r} was given.")
        self.L = L
        self.threshold = nn.Parameter(torch.tensor(float(threshold)))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        part = quantize.clamp(x / self.threshold, 0, 1)
        return quantize.floor(part * self.L + 0.5) / self.L * self.threshold

    def extra_repr(self) -> str:
        return f"L={self.L}, threshold={self.threshold.item():.6f}"
