"""The resonate-and-fire neuron."""

import math
from collections.abc import Callable
from typing import Any

import torch

from spikingjelly.activation_based._checks import ArgumentValueError, check_above, check_float
from spikingjelly.activation_based.neuron._default_surrogates import DEFAULT_SURROGATE
from spikingjelly.activation_based.neuron._node import BaseNode


class RAFNode(BaseNode):
    r"""Resonate-and-fire: a damped oscillator that prefers input of its own frequency. Its state is a complex number
    :math:`u + \mathrm{i} v`, turned by :math:`\theta = \omega\,dt` and damped by :math:`\alpha = e^{b\,dt}` in each
    time step:

    .. math::
        U[t] &= \alpha (U[t-1] \cos\theta - V[t-1] \sin\theta) + X[t] \\
        H[t] &= \alpha (U[t-1] \sin\theta + V[t-1] \cos\theta)

    Fire and reset are those of :class:`BaseNode`, of the imaginary part ``v``. The real part, the memory ``u``, is
    never reset, so that the neuron rebounds after inhibition.

    :param b: damping, less than 0, default -0.2
    :param omega: angular frequency, greater than 0, default 1.0
    :param dt: length of a time step, greater than 0, default 1.0; only ``b * dt`` and ``omega * dt`` matter

    The other parameters, shapes and errors are those of :class:`BaseNode`.

    :raises ValueError: (also an AssertionError) if ``b >= 0``, ``omega <= 0`` or ``dt <= 0``

    Source: Izhikevich, "Resonate-and-fire neurons", Neural Networks 14, 2001.
    """

    u: Any  # a float until the first input gives it a shape

    def __init__(
        self,
        b: float = -0.2,
        omega: float = 1.0,
        dt: float = 1.0,
        v_threshold: float = 1.0,
        v_reset: float | None = 0.0,
        surrogate_function: Callable[[torch.Tensor], torch.Tensor] = DEFAULT_SURROGATE,
        detach_reset: bool = False,
        step_mode: str = "s",
        store_v_seq: bool = False,
        backend: str = "auto",
    ) -> None:
        check_float(self, "b", b)
        if not b < 0.0:
            raise ArgumentValueError(
                f"RAFNode: b must be less than 0, but {b} was given: the oscillation would not fade."
            )
        check_above(self, "omega", omega, 0.0)
        check_above(self, "dt", dt, 0.0)
        super().__init__(v_threshold, v_reset, surrogate_function, detach_reset, step_mode, backend, store_v_seq)
        self.register_memory("u", 0.0)
        self.b = b
        self.omega = omega
        self.dt = dt

    def v_float_to_tensor(self, x: torch.Tensor) -> None:
        super().v_float_to_tensor(x)
        self._give_shape("u", x)

    def neuronal_charge(self, x: torch.Tensor) -> None:
        damping, angle = math.exp(self.b * self.dt), self.omega * self.dt
        real, imaginary = self.u, self.v
        self.u = damping * (real * math.cos(angle) - imaginary * math.sin(angle)) + x
        self.v = damping * (real * math.sin(angle) + imaginary * math.cos(angle))

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, b={self.b}, omega={self.omega}, dt={self.dt}"
