"""Time steps that lie in memory as copies of one, as ``x.repeat(T, 1, 1, 1, 1)`` makes them of an image."""

import torch
from torch import nn

from spikingjelly import _layer_kernels, products
from spikingjelly.activation_based._repeated import is_watched

SMALLEST_WORK = 1 << 22  # multiplications of a time step; with fewer, to look and to copy takes as long as to compute


def equal_step(x_seq: torch.Tensor, weight: torch.Tensor, module: nn.Module) -> torch.Tensor | None:
    """The first of the time steps of ``x_seq`` ``[T, N, *]`` if all are equal, for a layer with a ``weight``.

    None as well where the gradient of each time step is asked for, where hooks see what the layer puts out, and where
    it would not pay. :func:`functional.skip_zeros` is the switch.
    """
    if type(x_seq) is not torch.Tensor or x_seq.device.type != "cpu" or x_seq.requires_grad:
        return None
    if x_seq.dim() < 3 or x_seq.shape[0] < 2:
        return None
    if x_seq[0].numel() * weight[:, 0].numel() < SMALLEST_WORK:
        return None
    if not products.may_differ() or not _layer_kernels.may_take_over() or is_watched(module):
        return None
    return x_seq[0] if torch.equal(x_seq[1:], x_seq[:-1]) else None
