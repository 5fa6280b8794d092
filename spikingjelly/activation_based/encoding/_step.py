"""What encoders share: those without state, and those that encode once and then give out one time step per call."""

from abc import abstractmethod
from typing import Any

import torch
from torch import nn

from spikingjelly.activation_based import base
from spikingjelly.activation_based._checks import (
    ArgumentValueError,
    check_floating_tensor,
    check_positive_int,
    describe,
)


class StatelessEncoder(nn.Module, base.StepModule):
    """An encoder whose spikes depend on the present input only. A subclass writes :meth:`forward`.

    :param step_mode: 's' for inputs ``[N, *]``, 'm' for ``[T, N, *]``
    """

    def __init__(self, step_mode: str = "s") -> None:
        super().__init__()
        self.step_mode = step_mode

    @abstractmethod
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The spikes for ``x``, of its shape."""
        raise NotImplementedError(f"{type(self).__name__} does not define forward(x)")

    def extra_repr(self) -> str:
        return f"step_mode={self.step_mode}"


class StatefulEncoder(base.MemoryModule):
    """An encoder that turns one input into ``T`` time steps of spikes, and gives these out one after the other.

    The first call encodes its input ``[N, *]``. Each call then returns the spikes of the next time step ``[N, *]`` and
    starts over after the last, whatever values the later inputs have, until ``reset()``. In step mode 'm' a call with a
    sequence ``[T', N, *]`` stands for ``T'`` such calls. Both modes can be called without input once there are spikes:
    'm' then returns ``T`` time steps.

    A subclass writes :meth:`single_step_encode`, which sets ``self.spike`` to ``[T, N, *]``.

    :param T: time steps of an encoded input, at least 1
    :param step_mode: 's' or 'm'

    :raises TypeError: (also an AssertionError) if ``T`` is no int; and for inputs that are no floating-point tensors
    :raises ValueError: (also an AssertionError) if ``T < 1``; and if the first call is made without input
    :raises RuntimeError: if an input does not have the shape, dtype and device of the one that was encoded
    """

    spike: Any
    t: int

    def __init__(self, T: int, step_mode: str = "s") -> None:
        super().__init__()
        check_positive_int(self, "T", T)
        self.T = int(T)
        self.step_mode = step_mode
        self.register_memory("spike", None)
        self.register_memory("t", 0)

    @abstractmethod
    def single_step_encode(self, x: torch.Tensor) -> None:
        """Set ``self.spike`` ``[T, N, *]`` from an input ``[N, *]``."""
        raise NotImplementedError(f"{type(self).__name__} does not define single_step_encode(x)")

    def single_step_forward(self, x: torch.Tensor | None = None) -> torch.Tensor:
        """The spikes of the next time step ``[N, *]``."""
        self._encode_first(x)
        t = self.t
        self.t = (t + 1) % self.T
        return self.spike[t].clone()  # a view would let an in-place operation change the spikes of the next round

    def multi_step_forward(self, x_seq: torch.Tensor | None = None) -> torch.Tensor:
        """The spikes of the next time steps: as many as ``x_seq`` ``[T', N, *]`` has, or ``T``."""
        if x_seq is None:
            steps = self.T
            self._encode_first(None)
        else:
            self._check_sequence(x_seq)
            steps = x_seq.shape[0]
            self._encode_first(x_seq[0])
        times = (self.t + torch.arange(steps, device=self.spike.device)) % self.T
        self.t = (self.t + steps) % self.T
        return self.spike[times]

    def _encode_first(self, x: torch.Tensor | None) -> None:
        if x is not None:
            check_floating_tensor(self, "the input", x)
            self._check_carried_state(x)
        if self.spike is not None:
            return
        if x is None:
            raise ArgumentValueError(
                f"{type(self).__name__}: nothing is encoded yet. Give the first call (and the first one after a reset) "
                "an input [N, *]."
            )
        with torch.no_grad():
            self.single_step_encode(x)

    def extra_repr(self) -> str:
        return f"T={self.T}, step_mode={self.step_mode}"


def check_range(encoder: nn.Module, x: torch.Tensor, largest: float, hint: str) -> None:
    """All of ``x`` must lie in ``[0, largest]``; NaN does not."""
    wide = x.double()  # in the dtype of x, `largest` could be rounded up
    if bool(((wide >= 0) & (wide <= largest)).all()):
        return
    raise ArgumentValueError(
        f"{type(encoder).__name__}: the input must lie in [0, {largest}], but {describe(x)} with values from "
        f"{wide.min().item():.6g} to {wide.max().item():.6g} was given. {hint}"
    )
