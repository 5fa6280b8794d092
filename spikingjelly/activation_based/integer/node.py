"""Neurons on integers."""

import torch

from spikingjelly.activation_based.integer._arithmetic import LEAK_BITS, LEAK_ONE, leaked
from spikingjelly.activation_based.neuron import BaseNode


def _at_or_above(x: torch.Tensor) -> torch.Tensor:
    return (x >= 0.0).to(x)


class IntegerNode(BaseNode):
    r"""IF and LIF neurons with integer potentials of at most 32 bits.

    .. math::
        H[t] &= V_r + \lfloor (k (V[t-1] - V_r) + 2^{11}) / 2^{12} \rfloor + X[t] \\
        S[t] &= H[t] \ge m 2^e \\
        V[t] &= (1 - S[t]) H[t] + S[t] V_r \quad\text{or}\quad H[t] - S[t] m 2^e

    with a leak :math:`k / 2^{12}`, which for :math:`k = 2^{12}` leaves out (IF), and a threshold :math:`m 2^e` of an
    8-bit number :math:`m` for each channel. :math:`V_r` is 0 for the soft reset.

    Integers are held in floats of ``dtype``, which are exact as long as no potential leaves the range that
    :func:`quantize_network` has checked. As with other neurons, a kernel that is derived from these formulas runs
    sequences on the CPU.

    :param mantissa: uint8 ``[C]``, :math:`m`
    :param shift: int8 ``[C]``, :math:`e`
    :param kept: :math:`k`, 0 to 4096
    :param v_reset: int32 ``[C]`` for the hard reset, None for the soft one
    :param dtype: float32 or float64
    :param dims: number of dimensions behind the channel
    """

    v_threshold: torch.Tensor
    mantissa: torch.Tensor
    shift: torch.Tensor
    reset_units: torch.Tensor | None

    def __init__(
        self,
        mantissa: torch.Tensor,
        shift: torch.Tensor,
        kept: int,
        v_reset: torch.Tensor | None,
        dtype: torch.dtype,
        dims: int,
    ) -> None:
        shape = (-1, *[1] * dims)
        threshold = (mantissa.to(torch.int64) << shift.to(torch.int64)).to(dtype).view(shape)
        super().__init__(v_threshold=threshold, v_reset=None, surrogate_function=_at_or_above)  # type: ignore[arg-type]
        self.register_buffer("mantissa", mantissa)
        self.register_buffer("shift", shift)
        self.register_buffer("reset_units", v_reset)
        self.kept = int(kept)
        self.dtype = dtype
        if v_reset is not None and bool((v_reset != 0).any()):
            self.v_reset = v_reset.to(dtype).view(shape)
        elif v_reset is not None:
            self.v_reset = 0.0
        self.rests_elsewhere = isinstance(self.v_reset, torch.Tensor)

    def v_float_to_tensor(self, x: torch.Tensor) -> None:
        # The potential before the first time step is that after a spike.
        if self.rests_elsewhere and not isinstance(self.v, torch.Tensor):
            self.v = self.v_reset.expand(x.shape).contiguous()
        super().v_float_to_tensor(x)

    def neuronal_charge(self, x: torch.Tensor) -> None:
        if self.kept == LEAK_ONE:
            self.v = self.v + x
        elif self.rests_elsewhere:
            self.v = self.v_reset + leaked(self.v - self.v_reset, self.kept) + x
        else:
            self.v = leaked(self.v, self.kept) + x

    def _single_step(self, x: torch.Tensor) -> torch.Tensor:  # type: ignore[override]
        return super()._single_step(x.to(self.dtype)).float()

    def multi_step_forward(self, x_seq: torch.Tensor) -> torch.Tensor:
        return super().multi_step_forward(x_seq.to(self.dtype)).float()

    def extra_repr(self) -> str:
        reset = "soft" if self.reset_units is None else "hard"
        return (
            f"kept={self.kept}/{1 << LEAK_BITS}, reset={reset}, in {self.dtype}, step_mode={self.step_mode}, "
            f"backend={self.backend}"
        )
