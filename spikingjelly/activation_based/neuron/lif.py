"""The leaky integrate-and-fire neuron."""

from collections.abc import Callable

import torch

from spikingjelly.activation_based._checks import check_above, check_switch
from spikingjelly.activation_based.neuron._default_surrogates import DEFAULT_SURROGATE
from spikingjelly.activation_based.neuron._evaluation import add_evaluation_functions
from spikingjelly.activation_based.neuron._node import BaseNode


class LIFNode(BaseNode):
    r"""Leaky integrate-and-fire.

    .. math::
        H[t] &= V[t-1] + \frac{1}{\tau}(X[t] - (V[t-1] - V_{reset}))  && \text{decay\_input=True} \\
        H[t] &= V[t-1] - \frac{1}{\tau}(V[t-1] - V_{reset}) + X[t]    && \text{decay\_input=False}

    with :math:`V_{reset} = 0` where ``v_reset`` is None.

    :param tau: membrane time constant in time steps, greater than 1, default 2.0
    :param decay_input: whether the input decays as well

    The other parameters, shapes and errors are those of :class:`BaseNode`.

    :raises ValueError: (also an AssertionError) if ``tau <= 1``
    """

    def __init__(
        self,
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
        check_above(self, "tau", tau, 1.0)
        check_switch(self, "decay_input", decay_input)
        super().__init__(v_threshold, v_reset, surrogate_function, detach_reset, step_mode, backend, store_v_seq)
        self.tau = tau
        self.decay_input = decay_input

    @staticmethod
    def neuronal_charge_decay_input_reset0(x: torch.Tensor, v: torch.Tensor, tau: float) -> torch.Tensor:
        return v + (x - v) / tau

    @staticmethod
    def neuronal_charge_decay_input(x: torch.Tensor, v: torch.Tensor, v_reset: float, tau: float) -> torch.Tensor:
        return v + (x - (v - v_reset)) / tau

    @staticmethod
    def neuronal_charge_no_decay_input_reset0(x: torch.Tensor, v: torch.Tensor, tau: float) -> torch.Tensor:
        return v * (1.0 - 1.0 / tau) + x

    @staticmethod
    def neuronal_charge_no_decay_input(x: torch.Tensor, v: torch.Tensor, v_reset: float, tau: float) -> torch.Tensor:
        return v - (v - v_reset) / tau + x

    def neuronal_charge(self, x: torch.Tensor) -> None:
        if self.decay_input and self._rests_at_zero():
            self.v = self.neuronal_charge_decay_input_reset0(x, self.v, self.tau)
        elif self.decay_input:
            self.v = self.neuronal_charge_decay_input(x, self.v, self.v_reset, self.tau)
        elif self._rests_at_zero():
            self.v = self.neuronal_charge_no_decay_input_reset0(x, self.v, self.tau)
        else:
            self.v = self.neuronal_charge_no_decay_input(x, self.v, self.v_reset, self.tau)

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, tau={self.tau}"


add_evaluation_functions(
    LIFNode,
    {
        "_decay_input": (LIFNode.neuronal_charge_decay_input, LIFNode.neuronal_charge_decay_input_reset0),
        "_no_decay_input": (LIFNode.neuronal_charge_no_decay_input, LIFNode.neuronal_charge_no_decay_input_reset0),
    },
)
