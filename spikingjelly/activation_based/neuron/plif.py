"""The parametric leaky integrate-and-fire neuron."""

import math
from collections.abc import Callable

import torch
from torch import nn

from spikingjelly.activation_based._checks import check_above, check_switch
from spikingjelly.activation_based.neuron._default_surrogates import DEFAULT_SURROGATE
from spikingjelly.activation_based.neuron._node import BaseNode


class ParametricLIFNode(BaseNode):
    r"""Leaky integrate-and-fire with a learnable time constant, one for the layer: :math:`1/\tau = \sigma(w)`.

    .. math::
        H[t] &= V[t-1] + \sigma(w)(X[t] - (V[t-1] - V_{reset}))  && \text{decay\_input=True} \\
        H[t] &= V[t-1] - \sigma(w)(V[t-1] - V_{reset}) + X[t]    && \text{decay\_input=False}

    with :math:`V_{reset} = 0` where ``v_reset`` is None. The parameter ``w`` (0-dimensional, in ``state_dict``) starts
    at :math:`-\ln(\tau_0 - 1)`.

    :param init_tau: initial time constant :math:`\tau_0` in time steps, greater than 1, default 2.0
    :param decay_input: whether the input decays as well

    The other parameters, shapes and errors are those of :class:`BaseNode`.

    :raises ValueError: (also an AssertionError) if ``init_tau <= 1``

    Source: Fang et al., "Incorporating Learnable Membrane Time Constant to Enhance Learning of Spiking Neural
    Networks", ICCV 2021.
    """

    def __init__(
        self,
        init_tau: float = 2.0,
        decay_input: bool = True,
        v_threshold: float = 1.0,
        v_reset: float | None = 0.0,
        surrogate_function: Callable[[torch.Tensor], torch.Tensor] = DEFAULT_SURROGATE,
        detach_reset: bool = False,
        step_mode: str = "s",
        backend: str = "auto",
        store_v_seq: bool = False,
    ) -> None:
        check_above(self, "init_tau", init_tau, 1.0)
        check_switch(self, "decay_input", decay_input)
        super().__init__(v_threshold, v_reset, surrogate_function, detach_reset, step_mode, backend, store_v_seq)
        self.decay_input = decay_input
        self.w = nn.Parameter(torch.tensor(-math.log(init_tau - 1.0)))

    def neuronal_charge(self, x: torch.Tensor) -> None:
        decay = self.w.sigmoid()
        if self.decay_input:
            distance = self.v if self._rests_at_zero() else self.v - self.v_reset
            self.v = self.v + (x - distance) * decay
        elif self._rests_at_zero():
            self.v = self.v * (1.0 - decay) + x
        else:
            self.v = self.v - (self.v - self.v_reset) * decay + x

    def extra_repr(self) -> str:
        with torch.no_grad():
            tau = 1.0 / self.w.sigmoid()
        return f"{super().extra_repr()}, tau={tau}"
