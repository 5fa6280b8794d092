"""Dropout whose mask is the same at all time steps."""

import torch
import torch.nn.functional as F

from spikingjelly.activation_based import base
from spikingjelly.activation_based._checks import check_floating_tensor, check_probability, check_tensor
from spikingjelly.activation_based.layer._state import check_state_fits


class Dropout(base.MemoryModule):
    r"""Dropout with one mask for all time steps, drawn at the first and kept until ``reset()``.

    .. math::
        Y[t] = \frac{M}{1 - p} X[t], \qquad M \sim \mathrm{Bernoulli}(1 - p)

    ``[N, *]`` in step mode 's' and ``[T, N, *]`` in 'm'. In evaluation mode the output is the input.

    :param p: probability of an element to be dropped, ``0 <= p < 1``
    :param step_mode: 's' or 'm'

    :raises ValueError: (also an AssertionError) for another ``p``
    :raises RuntimeError: if the input does not fit the mask that an earlier input left

    Source: Lee et al., "Enabling Spike-Based Backpropagation for Training Deep Neural Network Architectures", 2020.
    """

    def __init__(self, p: float = 0.5, step_mode: str = "s") -> None:
        check_probability(self, p, below_one=True)
        super().__init__()
        self.register_memory("mask", None)
        self.p = p
        self.step_mode = step_mode

    def create_mask(self, x: torch.Tensor) -> None:
        """Draw the mask for inputs like ``x`` ``[N, *]``: 0 where dropped, else 1 / (1 - p)."""
        self.mask = F.dropout(torch.ones_like(x, requires_grad=False), self.p, training=True)

    def _mask_for(self, x: torch.Tensor) -> torch.Tensor:
        check_floating_tensor(self, "the input", x)
        check_state_fits(self, "the mask", self.mask, x)
        if self.mask is None:
            self.create_mask(x)
        return self.mask

    def single_step_forward(self, x: torch.Tensor) -> torch.Tensor:
        """One time step ``[N, *]``."""
        if self.training:
            return x * self._mask_for(x)
        check_tensor(self, "the input", x)
        return x

    def multi_step_forward(self, x_seq: torch.Tensor) -> torch.Tensor:
        """A sequence ``[T, N, *]``: the same mask at all T."""
        if self.training:
            self._check_sequence(x_seq)
            return x_seq * self._mask_for(x_seq[0])
        check_tensor(self, "the input", x_seq)
        return x_seq

    def extra_repr(self) -> str:
        return f"p={self.p}, step_mode={self.step_mode}"


class Dropout2d(Dropout):
    """:class:`Dropout` of whole channels: ``[N, C, H, W]`` in step mode 's' and ``[T, N, C, H, W]`` in 'm'.

    :param p: probability of a channel to be dropped, ``0 <= p < 1``
    :param step_mode: 's' or 'm'
    """

    def __init__(self, p: float = 0.2, step_mode: str = "s") -> None:
        super().__init__(p, step_mode)

    def create_mask(self, x: torch.Tensor) -> None:
        """Draw the mask for inputs like ``x`` ``[N, C, H, W]``: 0 in dropped channels, else 1 / (1 - p)."""
        self.mask = F.dropout2d(torch.ones_like(x, requires_grad=False), self.p, training=True)
