"""The compiled convolution by Winograd's minimal filtering: 3 x 3 taps, stride 1, on tensors ``[B, C, H, W]``.

Errors relative to the norm of the result, in float32 with 64 to 512 channels: tiles of 2 x 2 outputs 3e-7 to 7e-7,
tiles of 4 x 4 1e-6 to 2e-6; PyTorch's own convolution 2e-7, or up to 1e-6 with channels last.
"""

import ctypes
import functools

import torch

from spikingjelly.fusion import build
from spikingjelly.sparse_products import _library, _winograd_source
from spikingjelly.sparse_products._library import (
    Size,
    channels_last,
    empty,
    numbers,
    pointer,
    prepared,
    whole_vectors,
)

_WIDEST_PADDING = 2


def can_take(weight: torch.Tensor, stride: Size, padding: Size) -> bool:
    """Whether :func:`convolution` and :func:`gradient_of_input` know such a convolution."""
    return weight.shape[2:] == (3, 3) and stride == (1, 1) and all(0 <= p <= _WIDEST_PADDING for p in padding)


def problem() -> str | None:
    """Why the functions can't run here, or None; they are built at the first question."""
    return _library.problem(_winograd_source.text())


@functools.cache
def _functions() -> ctypes.CDLL:
    library = build.load(_winograd_source.text())
    library.winograd.restype = None
    return library


def convolution(
    x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None, padding: Size, tile: int
) -> torch.Tensor:
    """The convolution ``[B, O, H', W']`` of ``x`` ``[B, C, H, W]``, in the memory format that torch's would have."""
    y_last = channels_last(x) or channels_last(weight)
    return _run(x, weight.contiguous(), bias, weight.shape[0], padding, tile, y_last, adjoint=False)


def gradient_of_input(grad: torch.Tensor, weight: torch.Tensor, padding: Size, tile: int, last: bool) -> torch.Tensor:
    """The gradient ``[B, C, H, W]`` at the input for ``grad`` ``[B, O, H', W']``, with channels last or not."""
    padding = tuple(_WIDEST_PADDING - p for p in padding)
    return _run(grad, weight.contiguous(), None, weight.shape[1], padding, tile, last, adjoint=True)


def _run(
    x: torch.Tensor,
    weight: torch.Tensor,
    bias: torch.Tensor | None,
    outputs: int,
    padding: Size,
    tile: int,
    y_last: bool,
    adjoint: bool,
) -> torch.Tensor:
    x, last = prepared(x)
    samples, channels, *sides = x.shape
    out_sides = [side + 2 * pad - 2 for side, pad in zip(sides, padding, strict=True)]
    y = empty((samples, outputs, *out_sides), y_last)
    padded = whole_vectors(bias, outputs)
    sizes = numbers(
        samples, channels, *sides, outputs, *padding, *out_sides, last, y_last, torch.get_num_threads(), adjoint
    )
    _functions().winograd(pointer(x), pointer(weight), pointer(padded), pointer(y), ctypes.c_int64(tile), sizes)
    return y
