"""The compiled functions that skip zeros, on tensors ``[B, C, H, W]``."""

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
from spikingjelly.products import _source_sparse

_MOST_CHANNELS = 1 << 16  # their numbers have 16 bits


def can_take_gradient(weight: torch.Tensor, stride: Size, padding: Size) -> bool:
    """Whether :func:`gradient` is built for such a convolution."""
    height, width = weight.shape[2:]
    return (height, width) in _source_sparse.SIZES and stride == (1, 1) and padding[0] < height and padding[1] < width


def can_take(weight: torch.Tensor) -> bool:
    """Whether the numbers of the kernel can hold the sizes."""
    return weight.shape[1] < _MOST_CHANNELS


def problem() -> str | None:
    """Why the functions can't run here, or None; they are built at the first question."""
    return _layer_kernels.problem(_source_sparse.text())


@functools.cache
def _functions() -> ctypes.CDLL:
    return _layer_kernels.load(_source_sparse.text(), "forward", "gradient")


def forward(
    x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None, stride: Size, padding: Size
) -> torch.Tensor:
    """The convolution ``[B, O, H', W']`` of ``x`` ``[B, C, H, W]``, in the memory format that torch's would have."""
    y_last = channels_last(x) or channels_last(weight)
    x, last = prepared(x)
    weight = weight.contiguous()
    sides = [
        (size + 2 * pad - kernel) // step + 1
        for size, pad, kernel, step in zip(x.shape[2:], padding, weight.shape[2:], stride, strict=True)
    ]
    y = empty((x.shape[0], weight.shape[0], *sides), y_last)
    padded = whole_vectors(bias, weight.shape[0])
    sizes = _sizes(x, weight, stride, padding, y, last, y_last)
    _functions().forward(pointer(x), pointer(weight), pointer(padded), pointer(y), sizes)
    return y


def gradient(x: torch.Tensor, weight: torch.Tensor, grad: torch.Tensor, stride: Size, padding: Size) -> torch.Tensor:
    """The gradient at ``weight`` ``[O, C, KH, KW]`` for ``grad`` ``[B, O, H', W']``, that at the output."""
    x, last = prepared(x)
    grad, grad_last = prepared(grad)
    result = empty(weight.shape, False)
    sizes = _sizes(x, weight, stride, padding, grad, last, grad_last)
    _functions().gradient(pointer(x), pointer(grad), pointer(result), sizes)
    return result


def _sizes(
    x: torch.Tensor, weight: torch.Tensor, stride: Size, padding: Size, y: torch.Tensor, last: bool, y_last: bool
) -> ctypes.Array:
    outputs, _, *kernel = weight.shape
    return numbers(*x.shape, outputs, *kernel, *stride, *padding, *y.shape[2:], last, y_last, torch.get_num_threads())
