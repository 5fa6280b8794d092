"""The compiled convolution by Winograd's minimal filtering: 3 x 3 taps, stride 1, on tensors ``[B, C, H, W]``.

Errors relative to the norm of the result, in float32 with 64 to 512 channels: tiles of 2 x 2 outputs 3e-7 to 7e-7,
tiles of 4 x 4 1e-6 to 2e-6; PyTorch's own convolution 2e-7, or up to 1e-6 with channels last.
"""

import ctypes
import functools

import torch

from spikingjelly import _layer_kernels
from spikingjelly._layer_kernels import (
    Size,
    channels_last,
    empty,
    numbers,
    pointer,
    prepared,
    whole_vectors,
)
from spikingjelly.products import (
    _source_head,
    _source_points,
    _source_winograd,
    _source_winograd_gradient,
)

_WIDEST_PADDING = 2
_SOURCE = _source_head.TEXT + _source_points.TEXT + _source_winograd.TEXT + _source_winograd_gradient.TEXT


def can_take(weight: torch.Tensor, stride: Size, padding: Size) -> bool:
    """Whether :func:`convolution` and :func:`gradient_of_input` know such a convolution."""
    return weight.shape[2:] == (3, 3) and stride == (1, 1) and all(0 <= p <= _WIDEST_PADDING for p in padding)


def problem() -> str | None:
    """Why the functions can't run here, or None; they are built at the first question."""
    return _layer_kernels.problem(_SOURCE)


@functools.cache
def pays_here() -> bool:
    """Whether the processor is of a kind on which it was measured to pay."""
    return torch.backends.cpu.get_cpu_capability() in ("AVX2", "AVX512")


@functools.cache
def _functions() -> ctypes.CDLL:
    return _layer_kernels.load(_SOURCE, "convolution", "gradient_of_weights")


def convolution(
    x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None, padding: Size, tile: int
) -> torch.Tensor:
    """The convolution ``[B, O, H', W']`` of ``x`` ``[B, C, H, W]``, in the memory format that torch's would have."""
    last = channels_last(x) or channels_last(weight)
    return _convolution(x, weight, bias, weight.shape[0], padding, tile, last, adjoint=False)


def gradient_of_input(grad: torch.Tensor, weight: torch.Tensor, padding: Size, tile: int, last: bool) -> torch.Tensor:
    """The gradient ``[B, C, H, W]`` at the input for ``grad`` ``[B, O, H', W']``, with channels last or not."""
    padding = tuple(_WIDEST_PADDING - p for p in padding)
    return _convolution(grad, weight, None, weight.shape[1], padding, tile, last, adjoint=True)


def gradient_of_weights(x: torch.Tensor, grad: torch.Tensor, padding: Size) -> torch.Tensor:
    """The gradient ``[O, C, 3, 3]`` at the weights for ``grad`` ``[B, O, H', W']``, in tiles of 4 x 4 outputs."""
    x, last = prepared(x)
    grad, grad_last = prepared(grad)
    gradient = empty((grad.shape[1], x.shape[1], 3, 3), False)
    sizes = _sizes(x, grad, padding, last, grad_last, adjoint=False)
    _functions().gradient_of_weights(pointer(x), pointer(grad), pointer(gradient), sizes)
    return gradient


def _convolution(
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
    weight = weight.contiguous()
    sides = [side + 2 * pad - 2 for side, pad in zip(x.shape[2:], padding, strict=True)]
    y = empty((x.shape[0], outputs, *sides), y_last)
    padded = whole_vectors(bias, outputs)
    sizes = _sizes(x, y, padding, last, y_last, adjoint)
    _functions().convolution(pointer(x), pointer(weight), pointer(padded), pointer(y), ctypes.c_int64(tile), sizes)
    return y


def _sizes(x: torch.Tensor, y: torch.Tensor, padding: Size, last: bool, y_last: bool, adjoint: bool) -> ctypes.Array:
    return numbers(*x.shape, y.shape[1], *padding, *y.shape[2:], last, y_last, torch.get_num_threads(), adjoint)
