"""The Izhikevich neuron."""

from collections.abc import Callable

import torch

from spikingjelly.activation_based._checks import check_above, check_float
from spikingjelly.activation_based.neuron._default_surrogates import DEFAULT_SURROGATE
from spikingjelly.activation_based.neuron.adaptive import AdaptBaseNode


class IzhikevichNode(AdaptBaseNode):
    r"""Quadratic integrate-and-fire with adaptation.

    .. math::
        H[t] = V[t-1] + \frac{1}{\tau}(X[t] + a_0 (V[t-1] - V_{rest})(V[t-1] - V_c) - W[t-1])

    :param tau: membrane time constant in time steps, greater than 1, default 2.0
    :param v_c: critical potential :math:`V_c`, default 0.8
    :param a0: strength of the quadratic term :math:`a_0`, greater than 0, default 1.0

    The adaptation, and the other parameters, shapes and errors are those of :class:`AdaptBaseNode`, with
    ``v_rest=-0.1`` as default.

    :raises ValueError: (also an AssertionError) if ``tau <= 1`` or ``a0 <= 0``

    Source: Izhikevich, "Simple model of spiking neurons", IEEE Transactions on Neural Networks 14(6), 2003.
    """

    def __init__(
        self,
        tau: float = 2.0,
        v_c: float = 0.8,
        a0: float = 1.0,
        v_threshold: float = 1.0,
        v_reset: float | None = 0.0,
        v_rest: float = -0.1,
        w_rest: float = 0.0,
        tau_w: float = 2.0,
        a: float = 0.0,
        b: float = 0.0,
        surrogate_function: Callable[[torch.Tensor], torch.Tensor] = DEFAULT_SURROGATE,
        detach_reset: bool = False,
        step_mode: str = "s",
        backend: str = "auto",
        store_v_seq: bool = False,
    ) -> None:
        check_above(self, "tau", tau, 1.0)
        check_above(self, "a0", a0, 0.0)
        check_float(self, "v_c", v_c)
        super().__init__(
            v_threshold, v_reset, v_rest, w_rest, tau_w, a, b, surrogate_function, detach_reset, step_mode, backend,
            store_v_seq,
        )  # fmt: skip
        self.tau = tau
        self.v_c = v_c
        self.a0 = a0

    def neuronal_charge(self, x: torch.Tensor) -> None:
        self.v = self.v + (x + self.a0 * (self.v - self.v_rest) * (self.v - self.v_c) - self.w) / self.tau

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, tau={self.tau}, v_c={self.v_c}, a0={self.a0}"
