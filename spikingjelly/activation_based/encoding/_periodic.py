"""A given spike train, over and over."""

import torch

from spikingjelly.activation_based._checks import ArgumentValueError, check_tensor, describe
from spikingjelly.activation_based.encoding._step import StatefulEncoder


class PeriodicEncoder(StatefulEncoder):
    """Give out ``spike[0], spike[1], ..., spike[T-1], spike[0], ...``, one time step ``[N, *]`` per call.

    The values of an input are never looked at, so that ``enc()`` and ``enc(x)`` return the same. In step mode 'm'
    ``enc()`` returns T time steps, and ``enc(x_seq)`` as many as ``x_seq`` has. ``reset()`` goes back to ``spike[0]``.

    :param spike: ``[T, N, *]`` of any dtype; copied
    :param step_mode: 's' or 'm'

    :raises TypeError: if ``spike`` is no tensor
    :raises ValueError: (also an AssertionError) if ``spike`` has no time step
    """

    def __init__(self, spike: torch.Tensor, step_mode: str = "s") -> None:
        super().__init__(_length(spike), step_mode)
        self.single_step_encode(spike)

    def single_step_encode(self, spike: torch.Tensor) -> None:
        """Give out another spike train ``[T, N, *]`` from now on, from its beginning."""
        self.T = _length(spike)
        self.set_reset_value("spike", spike)
        self.reset()

    def _encode_first(self, x: torch.Tensor | None) -> None:
        """Nothing to encode: there are spikes from the beginning."""


def _length(spike: torch.Tensor) -> int:
    check_tensor("PeriodicEncoder", "spike", spike)
    if spike.dim() == 0 or spike.shape[0] == 0:
        raise ArgumentValueError(
            f"PeriodicEncoder: spike must be a sequence [T, N, *] with T >= 1, but {describe(spike)} was given."
        )
    return spike.shape[0]
