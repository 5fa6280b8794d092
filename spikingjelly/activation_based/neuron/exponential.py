"""The exponential integrate-and-fire neuron."""

from collections.abc import Callable

import torch

from spikingjelly.activation_based._checks import check_above, check_float
from spikingjelly.activation_based.neuron._default_surrogates import DEFAULT_SURROGATE
from spikingjelly.activation_based.neuron._node import BaseNode


class EIFNode(BaseNode):
    r"""Exponential integrate-and-fire.

    .. math::
        H[t] = V[t-1] + \frac{1}{\tau}\left(X[t] - (V[t-1] - V_{rest})
            + \Delta_T \exp\left(\frac{V[t-1] - \theta_{rh}}{\Delta_T}\right)\right)

    :param tau: membrane time constant in time steps, greater than 1, default 2.0
    :param delta_T: sharpness :math:`\Delta_T`, greater than 0, default 1.0
    :param theta_rh: rheobase threshold :math:`\theta_{rh}`, default 0.8
    :param v_rest: resting potential :math:`V_{rest}`, default 0.0

    The other parameters, shapes and errors are those of :class:`BaseNode`, with ``v_reset=-0.1`` as default.

    :raises ValueError: (also an AssertionError) if ``tau <= 1`` or ``delta_T <= 0``

    Source: Fourcaud-Trocme et al., "How Spike Generation Mechanisms Determine the Neuronal Response to Fluctuating
    Inputs", 2003.
    """

    def __init__(
        self,
        tau: float = 2.0,
        delta_T: float = 1.0,
        theta_rh: float = 0.8,
        v_threshold: float = 1.0,
        v_rest: float = 0.0,
        v_reset: float | None = -0.1,
        surrogate_function: Callable[[torch.Tensor], torch.Tensor] = DEFAULT_SURROGATE,
        detach_reset: bool = False,
        step_mode: str = "s",
        backend: str = "auto",
        store_v_seq: bool = False,
    ) -> None:
        check_above(self, "tau", tau, 1.0)
        check_above(self, "delta_T", delta_T, 0.0)
        check_float(self, "theta_rh", theta_rh)
        check_float(self, "v_rest", v_rest)
        super().__init__(v_threshold, v_reset, surrogate_function, detach_reset, step_mode, backend, store_v_seq)
        self.tau = tau
        self.delta_T = delta_T
        self.v_rest = v_rest
        self.theta_rh = theta_rh

    def neuronal_charge(self, x: torch.Tensor) -> None:
        upstroke = self.delta_T * torch.exp((self.v - self.theta_rh) / self.delta_T)
        self.v = self.v + (x + self.v_rest - self.v + upstroke) / self.tau

    def extra_repr(self) -> str:
        own = f"tau={self.tau}, delta_T={self.delta_T}, theta_rh={self.theta_rh}, v_rest={self.v_rest}"
        return f"{super().extra_repr()}, {own}"
