"""Latency coding: the larger, the earlier."""

import math

import torch

from spikingjelly.activation_based._checks import ArgumentValueError, describe
from spikingjelly.activation_based.encoding._step import StatefulEncoder, check_range


class LatencyEncoder(StatefulEncoder):
    r"""Each value fires once, the earlier the larger it is, at time step

    .. math::
        t_f = \begin{cases}
            \operatorname{round}((T - 1)(1 - x))                                        & \text{'linear'} \\
            \operatorname{round}(T - 1 - \ln(\alpha x + 1)), \quad \alpha = e^{T-1} - 1 & \text{'log'}
        \end{cases}

    where halves are rounded to even. Calls, shapes and further errors are those of :class:`StatefulEncoder`.

    :param T: time steps of an encoded input, at least 1
    :param enc_function: 'linear' or 'log'
    :param step_mode: 's' or 'm'

    :raises NotImplementedError: for any other ``enc_function``
    :raises ValueError: (also an AssertionError) for inputs outside :math:`[0, 1]`; and with 'log', if :math:`\alpha` is
        too large for the dtype of the input (``T > 89`` for float32, ``T > 12`` for float16)
    """

    def __init__(self, T: int, enc_function: str = "linear", step_mode: str = "s") -> None:
        super().__init__(T, step_mode)
        if enc_function not in ("linear", "log"):
            raise NotImplementedError(
                f"LatencyEncoder: enc_function must be 'linear' or 'log', but {describe(enc_function)} was given."
            )
        self.enc_function = enc_function

    def single_step_encode(self, x: torch.Tensor) -> None:
        check_range(self, x, 1, "Scale it first, for example x / x.max().")
        if self.enc_function == "linear":
            fire_time = (self.T - 1.0) * (1.0 - x)
        else:
            fire_time = self.T - 1.0 - torch.log(self._alpha(x.dtype) * x + 1.0)
        spike = torch.zeros(self.T, *x.shape, dtype=x.dtype, device=x.device)
        self.spike = spike.scatter_(0, fire_time.round().long().unsqueeze(0), 1.0)

    def _alpha(self, dtype: torch.dtype) -> float:
        largest_exponent = math.log(torch.finfo(dtype).max)
        if largest_exponent <= self.T - 1:
            raise ArgumentValueError(
                f"LatencyEncoder: enc_function='log' with T={self.T} needs exp({self.T - 1}), which {dtype} can't "
                "hold. Use a smaller T, inputs of dtype float64 or enc_function='linear'."
            )
        return math.exp(self.T - 1) - 1.0

    def extra_repr(self) -> str:
        return f"T={self.T}, enc_function={self.enc_function}, step_mode={self.step_mode}"
