"""Nodes that put out their membrane potential: the last layer of an actor network."""

from abc import abstractmethod
from collections.abc import Callable
from typing import Any

import torch

from spikingjelly.activation_based import base
from spikingjelly.activation_based._checks import ArgumentValueError, check_above, describe
from spikingjelly.activation_based.neuron import _fused as fused


def _of_largest_absolute_value(v_seq: torch.Tensor) -> torch.Tensor:
    step = v_seq.detach().abs().argmax(0, keepdim=True)
    return v_seq.gather(0, step)[0]


_DECODERS: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "last-mem": lambda v_seq: v_seq[-1],
    "max-mem": lambda v_seq: v_seq.max(0).values,
    "max-abs-mem": _of_largest_absolute_value,
    "mean-mem": lambda v_seq: v_seq.mean(0),
}


class NonSpikingBaseNode(base.MemoryModule):
    """A node that never fires. It takes a sequence ``[T, *]`` and puts out one value ``[*]`` that it reads from its
    membrane potential. Each sequence starts at potential 0: nothing is carried over.

    :param decode: which value is read: 'last-mem' (the default), the potential after the last time step; 'max-mem',
        the largest; 'max-abs-mem', the one of largest absolute value, with its sign; 'mean-mem', the mean over time.
        '_' may stand for '-'. With None the output is the list of the potentials after each time step.

    :raises ValueError: (also an AssertionError) for another ``decode``; also for step mode 's'

    Source: Chen et al., "Fully Spiking Actor Network with Intra-layer Connections for Reinforcement Learning", IEEE
    Transactions on Neural Networks and Learning Systems, 2024.
    """

    v: Any  # a float until the first input gives it a shape

    def __init__(self, decode: str | None = "last-mem") -> None:
        if decode is not None and (not isinstance(decode, str) or decode.replace("_", "-") not in _DECODERS):
            raise ArgumentValueError(
                f"{type(self).__name__}: decode must be one of {', '.join(map(repr, _DECODERS))}, or None, but "
                f"{describe(decode)} was given."
            )
        super().__init__()
        self.register_memory("v", 0.0)
        self.backend = "auto"
        self.decode = None if decode is None else decode.replace("_", "-")

    def supported_step_mode(self) -> tuple[str, ...]:
        return ("m",)

    @property
    def supported_backends(self) -> tuple[str, ...]:
        return base.BACKENDS

    def v_float_to_tensor(self, x: torch.Tensor) -> None:
        """Give ``v`` the shape, dtype and device of the input of one time step."""
        self._give_shape("v", x)

    @abstractmethod
    def neuronal_charge(self, x: torch.Tensor) -> None:
        """Set ``self.v`` from the previous potential and the input of this time step ``x``."""
        raise NotImplementedError(f"{type(self).__name__} does not define neuronal_charge(x)")

    def single_step_forward(self, x: torch.Tensor) -> torch.Tensor:
        """The potential after this time step; a sequence is made of these."""
        self.neuronal_charge(x)
        return self.v

    def multi_step_forward(self, x_seq: torch.Tensor) -> Any:
        self._check_sequence(x_seq)
        self.v = 0.0
        v_seq = fused.run_sequence(self, x_seq)
        if v_seq is None:
            self.v_float_to_tensor(x_seq[0])
            v_seq = torch.stack([self.single_step_forward(x) for x in x_seq.unbind(0)])
        return list(v_seq.unbind(0)) if self.decode is None else _DECODERS[self.decode](v_seq)

    def extra_repr(self) -> str:
        return f"decode={self.decode}, {super().extra_repr()}"


class NonSpikingIFNode(NonSpikingBaseNode):
    r"""An integrator that never fires: :math:`V[t] = V[t-1] + X[t]`.

    Parameters, shapes and errors are those of :class:`NonSpikingBaseNode`.
    """

    def neuronal_charge(self, x: torch.Tensor) -> None:
        self.v = self.v + x


class NonSpikingLIFNode(NonSpikingBaseNode):
    r"""A leaky integrator that never fires: :math:`V[t] = V[t-1] + \frac{1}{\tau}(X[t] - V[t-1])`.

    :param tau: membrane time constant in time steps, greater than 0, default 2.0

    The other parameters, shapes and errors are those of :class:`NonSpikingBaseNode`.

    :raises ValueError: (also an AssertionError) if ``tau <= 0``
    """

    def __init__(self, tau: float = 2.0, decode: str | None = "last-mem") -> None:
        check_above(self, "tau", tau, 0.0)
        super().__init__(decode)
        self.tau = tau

    def neuronal_charge(self, x: torch.Tensor) -> None:
        self.v = self.v + (x - self.v) / self.tau

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, tau={self.tau}"
