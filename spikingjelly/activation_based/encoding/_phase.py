"""Phase coding: a value as its binary digits."""

import torch

from spikingjelly.activation_based._checks import ArgumentValueError
from spikingjelly.activation_based.encoding._step import StatefulEncoder, check_range


class WeightedPhaseEncoder(StatefulEncoder):
    r"""The first ``K`` binary digits of each value, the most significant first:

    .. math::
        x \approx \sum_{k=1}^{K} 2^{-k} S[k-1]

    The spikes are 0 or 1; the weights :math:`2^{-k}` are left to what follows. Digits beyond K are cut off. Calls,
    shapes and further errors are those of :class:`StatefulEncoder`. ("Deep Neural Networks with Weighted Spikes", Kim
    et al., Neurocomputing 2018.)

    :param K: digits, which are time steps, from 1 to 52
    :param step_mode: 's' or 'm'

    :raises ValueError: (also an AssertionError) if ``K`` is out of range; and for inputs outside
        :math:`[0, 1 - 2^{-K}]`
    """

    def __init__(self, K: int, step_mode: str = "s") -> None:
        super().__init__(K, step_mode)
        if K > 52:
            raise ArgumentValueError(
                f"WeightedPhaseEncoder: K must be at most 52, the binary digits of a float64, but {K} was given."
            )

    def single_step_encode(self, x: torch.Tensor) -> None:
        check_range(self, x, 1 - 2**-self.T, f"Scale it first, for example x * (1 - 2**-{self.T}) for x in [0, 1].")
        digits = (x.double() * 2**self.T).long()  # exact, because a power of two only moves the exponent
        shifts = torch.arange(self.T - 1, -1, -1, device=x.device).view(-1, *[1] * x.dim())
        self.spike = ((digits >> shifts) & 1).to(x.dtype)
