"""The current-based LIF neuron."""

from collections.abc import Callable

import torch

from spikingjelly.activation_based._checks import check_float
from spikingjelly.activation_based.neuron._default_surrogates import DEFAULT_RECT
from spikingjelly.activation_based.neuron._node import BaseNode


class CurrentBasedNode(BaseNode):
    r"""The charge that all current-based nodes share, with the synaptic current as second memory ``c``:

    .. math::
        C[t] &= d_c C[t-1] + X[t] \\
        H[t] &= d_v V[t-1] + C[t]
    """

    c: torch.Tensor

    def _set_up_current(self, c_decay: float, v_decay: float) -> None:
        check_float(self, "c_decay", c_decay)
        check_float(self, "v_decay", v_decay)
        self.register_memory("c", 0.0)
        self.c_decay = c_decay
        self.v_decay = v_decay

    def neuronal_charge(self, x: torch.Tensor) -> None:
        self.c = self.c * self.c_decay + x
        self.v = self.v * self.v_decay + self.c

    def v_float_to_tensor(self, x: torch.Tensor) -> None:
        super().v_float_to_tensor(x)
        self._give_shape("c", x)

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, c_decay={self.c_decay}, v_decay={self.v_decay}"


class CLIFNode(CurrentBasedNode):
    r"""Current-based leaky integrate-and-fire.

    .. math::
        C[t] &= d_c C[t-1] + X[t] \\
        H[t] &= d_v V[t-1] + C[t]

    with fire and reset of :class:`BaseNode`. The synaptic current :math:`C` is the memory ``c``.

    :param c_decay: share :math:`d_c` of the current that is left after a time step, default 0.5
    :param v_decay: share :math:`d_v` of the potential that is left after a time step, default 0.75
    :param v_threshold: threshold, default 0.5
    :param v_reset: potential after a spike (hard reset), or None for the soft reset
    :param surrogate_function: gives the spike and its gradient, default ``Rect(alpha=1.0)``

    The step mode is 's' at first and can be set. Shapes and errors are those of :class:`BaseNode`.

    Source: Tang et al., "Deep Reinforcement Learning with Population-Coded Spiking Neural Network for Continuous
    Control", CoRL 2020.
    """

    def __init__(
        self,
        c_decay: float = 0.5,
        v_decay: float = 0.75,
        v_threshold: float = 0.5,
        v_reset: float | None = 0.0,
        surrogate_function: Callable[[torch.Tensor], torch.Tensor] = DEFAULT_RECT,
    ) -> None:
        super().__init__(v_threshold, v_reset, surrogate_function)
        self._set_up_current(c_decay, v_decay)
