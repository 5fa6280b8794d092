"""The LIF neuron with a learnable slope of the surrogate."""

from collections.abc import Callable

import torch
from torch import nn

from spikingjelly.activation_based._checks import check_switch
from spikingjelly.activation_based.neuron._default_surrogates import DEFAULT_SURROGATE
from spikingjelly.activation_based.neuron.lif import LIFNode


class KLIFNode(LIFNode):
    r"""LIF whose charged potential :math:`H[t]` (see :class:`LIFNode`) is scaled by a learnable factor :math:`k` and
    rectified before it fires.

    .. math::
        F[t] &= \mathrm{ReLU}(k H[t]) \\
        S[t] &= \Theta(F[t] - V_{th})

    The reset works on :math:`F[t]`; with ``scale_reset`` it gives :math:`(1 - S[t]) F[t] / k + S[t] V_{reset}` (hard)
    and :math:`(F[t] - S[t] V_{th}) / k` (soft). The parameter ``k`` (0-dimensional, in ``state_dict``) starts at 1.

    :param scale_reset: whether the reset undoes the scaling, default False

    The other parameters, shapes and errors are those of :class:`LIFNode`.

    Source: Jiang, Zhang, "KLIF: An Optimized Spiking Neuron Unit for Tuning Surrogate Gradient Slope and Membrane
    Potential", 2023.
    """

    def __init__(
        self,
        scale_reset: bool = False,
        tau: float = 2.0,
        decay_input: bool = True,
        v_threshold: float = 1.0,
        v_reset: float | None = 0.0,
        surrogate_function: Callable[[torch.Tensor], torch.Tensor] = DEFAULT_SURROGATE,
        detach_reset: bool = False,
        step_mode: str = "s",
        backend: str = "auto",
        store_v_seq: bool = False,
    ) -> None:
        check_switch(self, "scale_reset", scale_reset)
        super().__init__(
            tau, decay_input, v_threshold, v_reset, surrogate_function, detach_reset, step_mode, backend, store_v_seq
        )
        self.scale_reset = scale_reset
        self.k = nn.Parameter(torch.tensor(1.0))

    def neuronal_charge(self, x: torch.Tensor) -> None:
        super().neuronal_charge(x)
        self.v = torch.relu(self.k * self.v)

    def neuronal_reset(self, spike: torch.Tensor) -> None:
        if not self.scale_reset:
            super().neuronal_reset(spike)
            return
        spike_d = spike.detach() if self.detach_reset else spike
        if self.v_reset is None:
            self.v = self.jit_soft_reset(self.v, spike_d, self.v_threshold) / self.k
        else:
            self.v = self.jit_hard_reset(self.v / self.k, spike_d, self.v_reset)

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, scale_reset={self.scale_reset}"
