"""Neurons with an adaptation current."""

from abc import abstractmethod
from collections.abc import Callable
from typing import Any

import torch

from spikingjelly.activation_based._checks import check_float
from spikingjelly.activation_based.neuron._default_surrogates import DEFAULT_SURROGATE
from spikingjelly.activation_based.neuron._node import BaseNode


class AdaptBaseNode(BaseNode):
    r"""A neuron with a second memory, the adaptation current ``w``. Each time step is charge, adaptation, fire, reset:

    .. math::
        W'[t] &= W[t-1] + \frac{1}{\tau_w}(a (H[t] - V_{rest}) - W[t-1])  && \text{neuronal\_adaptation} \\
        W[t] &= W'[t] + b S[t]                                            && \text{neuronal\_reset}

    :param v_rest: resting potential :math:`V_{rest}`, default 0.0
    :param w_rest: value of ``w`` after a reset of the network, default 0.0
    :param tau_w: time constant of the adaptation in time steps, default 2.0
    :param a: how strongly the potential drives the adaptation, default 0.0
    :param b: jump of the adaptation at a spike, default 0.0

    The other parameters, shapes and errors are those of :class:`BaseNode`. ``detach_reset`` cuts the spike from the
    graph where it resets the potential; the jump of ``w`` stays in the graph.
    """

    w: Any  # a float until the first input gives it a shape

    def __init__(
        self,
        v_threshold: float = 1.0,
        v_reset: float | None = 0.0,
        v_rest: float = 0.0,
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
        for name, value in {"v_rest": v_rest, "w_rest": w_rest, "tau_w": tau_w, "a": a, "b": b}.items():
            check_float(self, name, value)
        super().__init__(v_threshold, v_reset, surrogate_function, detach_reset, step_mode, backend, store_v_seq)
        self.register_memory("w", w_rest)
        self.w_rest = w_rest
        self.v_rest = v_rest
        self.tau_w = tau_w
        self.a = a
        self.b = b

    @abstractmethod
    def neuronal_charge(self, x: torch.Tensor) -> None:
        raise NotImplementedError(f"{type(self).__name__} does not define neuronal_charge(x)")

    @staticmethod
    def jit_neuronal_adaptation(
        w: torch.Tensor, tau_w: float, a: float, v_rest: float, v: torch.Tensor
    ) -> torch.Tensor:
        r""":math:`W'[t]` from :math:`W[t-1]` and :math:`H[t]`"""
        return w + (a * (v - v_rest) - w) / tau_w

    def neuronal_adaptation(self) -> None:
        """Set ``self.w`` from the charged potential."""
        self.w = self.jit_neuronal_adaptation(self.w, self.tau_w, self.a, self.v_rest, self.v)

    def neuronal_reset(self, spike: torch.Tensor) -> None:
        super().neuronal_reset(spike)
        self.w = self.w + self.b * spike

    def w_float_to_tensor(self, x: torch.Tensor) -> None:
        """Give ``w`` the shape, dtype and device of the input of one time step."""
        self._give_shape("w", x)

    def v_float_to_tensor(self, x: torch.Tensor) -> None:
        super().v_float_to_tensor(x)
        self.w_float_to_tensor(x)

    def single_step_forward(self, x: torch.Tensor) -> torch.Tensor:
        """Charge, adapt, fire, reset: one time step ``[N, *]``."""
        self.v_float_to_tensor(x)
        self.neuronal_charge(x)
        self.neuronal_adaptation()
        spike = self.neuronal_fire()
        self.neuronal_reset(spike)
        return spike

    def extra_repr(self) -> str:
        own = f"v_rest={self.v_rest}, w_rest={self.w_rest}, tau_w={self.tau_w}, a={self.a}, b={self.b}"
        return f"{super().extra_repr()}, {own}"
