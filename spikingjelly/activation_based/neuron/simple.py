"""Neurons to read and to learn from: every line that they run stands in this file."""

from abc import abstractmethod
from collections.abc import Callable

import torch

from spikingjelly.activation_based import base
from spikingjelly.activation_based._checks import (
    check_above,
    check_bool,
    check_float,
    check_floating_tensor,
    check_switch,
)
from spikingjelly.activation_based.neuron._default_surrogates import DEFAULT_SURROGATE, own_surrogate


class SimpleBaseNode(base.MemoryModule):
    r"""A spiking neuron without anything but its equations: no backends, no stored potentials.

    .. math::
        H[t] &= f(V[t-1], X[t])                   && \text{neuronal\_charge} \\
        S[t] &= \Theta(H[t] - V_{th})             && \text{neuronal\_fire} \\
        V[t] &= (1 - S[t]) H[t] + S[t] V_{reset}  && \text{neuronal\_reset, hard} \\
        V[t] &= H[t] - S[t] V_{th}                && \text{neuronal\_reset, soft}

    Input and output are ``[N, *]`` in step mode 's' and ``[T, N, *]`` in 'm'. The membrane potential ``v`` starts at 0,
    whatever ``v_reset`` is.

    :param v_threshold: threshold :math:`V_{th}`
    :param v_reset: potential after a spike :math:`V_{reset}` (hard reset), or None for the soft reset
    :param surrogate_function: gives the spike and its gradient, default ``Sigmoid(alpha=4.0)``
    :param detach_reset: whether the spike in the reset is cut from the autograd graph
    :param step_mode: 's' or 'm'

    :raises TypeError: (also an AssertionError) for an int where a float is expected, and for inputs that are no
        floating-point tensors
    :raises RuntimeError: if the input does not fit the state that an earlier input left
    """

    v: torch.Tensor

    def __init__(
        self,
        v_threshold: float = 1.0,
        v_reset: float | None = 0.0,
        surrogate_function: Callable[[torch.Tensor], torch.Tensor] = DEFAULT_SURROGATE,
        detach_reset: bool = False,
        step_mode: str = "s",
    ) -> None:
        check_float(self, "v_threshold", v_threshold)
        check_float(self, "v_reset", v_reset, optional=True)
        check_bool(self, "detach_reset", detach_reset)
        super().__init__()
        self.register_memory("v", 0.0)
        self.v_threshold = v_threshold
        self.v_reset = v_reset
        self.surrogate_function = own_surrogate(self, surrogate_function)
        self.detach_reset = detach_reset
        self.step_mode = step_mode

    @abstractmethod
    def neuronal_charge(self, x: torch.Tensor) -> None:
        """Set ``self.v`` from the previous potential and the input of this time step ``x`` ``[N, *]``."""
        raise NotImplementedError(f"{type(self).__name__} does not define neuronal_charge(x)")

    def neuronal_fire(self) -> torch.Tensor:
        """The spikes of this time step."""
        return self.surrogate_function(self.v - self.v_threshold)

    def neuronal_reset(self, spike: torch.Tensor) -> None:
        """Set ``self.v`` to the potential after the spikes."""
        if self.detach_reset:
            spike = spike.detach()
        if self.v_reset is None:
            self.v = self.v - spike * self.v_threshold
        else:
            self.v = (1.0 - spike) * self.v + spike * self.v_reset

    def single_step_forward(self, x: torch.Tensor) -> torch.Tensor:
        """Charge, fire, reset: one time step ``[N, *]``."""
        check_floating_tensor(self, "the input", x)
        self._give_shape("v", x)
        self._check_carried_state(x)
        self.neuronal_charge(x)
        spike = self.neuronal_fire()
        self.neuronal_reset(spike)
        return spike

    def extra_repr(self) -> str:
        return (
            f"v_threshold={self.v_threshold}, v_reset={self.v_reset}, detach_reset={self.detach_reset}, "
            f"step_mode={self.step_mode}"
        )


class SimpleIFNode(SimpleBaseNode):
    r"""Integrate-and-fire: :math:`H[t] = V[t-1] + X[t]`. Parameters, shapes and errors: :class:`SimpleBaseNode`."""

    def neuronal_charge(self, x: torch.Tensor) -> None:
        self.v = self.v + x


class SimpleLIFNode(SimpleBaseNode):
    r"""Leaky integrate-and-fire.

    .. math::
        H[t] &= V[t-1] + \frac{1}{\tau}(X[t] - (V[t-1] - V_{reset}))  && \text{decay\_input=True} \\
        H[t] &= V[t-1] - \frac{1}{\tau}(V[t-1] - V_{reset}) + X[t]    && \text{decay\_input=False}

    with :math:`V_{reset} = 0` where ``v_reset`` is None.

    :param tau: membrane time constant in time steps, greater than 1
    :param decay_input: whether the input decays as well

    The other parameters, shapes and errors are those of :class:`SimpleBaseNode`.

    :raises ValueError: (also an AssertionError) if ``tau <= 1``
    """

    def __init__(
        self,
        tau: float,
        decay_input: bool,
        v_threshold: float = 1.0,
        v_reset: float | None = 0.0,
        surrogate_function: Callable[[torch.Tensor], torch.Tensor] = DEFAULT_SURROGATE,
        detach_reset: bool = False,
        step_mode: str = "s",
    ) -> None:
        check_above(self, "tau", tau, 1.0)
        check_switch(self, "decay_input", decay_input)
        super().__init__(v_threshold, v_reset, surrogate_function, detach_reset, step_mode)
        self.tau = tau
        self.decay_input = decay_input

    def neuronal_charge(self, x: torch.Tensor) -> None:
        distance = self.v - (0.0 if self.v_reset is None else self.v_reset)
        if self.decay_input:
            self.v = self.v + (x - distance) / self.tau
        else:
            self.v = self.v - distance / self.tau + x

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, tau={self.tau}, decay_input={self.decay_input}"
