"""The compiled functions on tensors ``[B, C, H, W]``."""

import ctypes
import functools

import torch

from spikingjelly.fusion import build
from spikingjelly.sparse_products import _source

Size = tuple[int, ...]
_MOST_CHANNELS = 1 << 16  # their numbers have 16 bits
_LANES = 16


def can_take_gradient(weight: torch.Tensor, stride: Size, padding: Size) -> bool:
    """Whether :func:`gradient` is built for such a convolution."""
    height, width = weight.shape[2:]
    return (height, width) in _source.SIZES and stride == (1, 1) and padding[0] < height and padding[1] < width


def can_take(weight: torch.Tensor) -> bool:
    """Whether the numbers of the kernel can hold the sizes."""
    return weight.shape[1] < _MOST_CHANNELS


@functools.cache
def problem() -> str | None:
    """Why the kernels can't run here, or None; they are built at the first question."""
    if build.compiler() is None:
        return "no C++ compiler was found ($CXX, g++, c++ or clang++)"
    try:
        _library()
    except build.BuildError as error:
        return str(error)
    return None


@functools.cache
def _library() -> ctypes.CDLL:
    library = build.load(_source.text())
    library.forward.restype = library.gradient.restype = None
    return library


def forward(
    x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None, stride: Size, padding: Size
) -> torch.Tensor:
    """The convolution ``[B, O, H', W']`` of ``x`` ``[B, C, H, W]``, in the memory format that torch's would have."""
    last = _channels_last(x)
    x = x if last or x.is_contiguous() else x.contiguous()
    y_last = last or _channels_last(weight)
    weight = weight.contiguous()
    sides = [
        (size + 2 * pad - kernel) // step + 1
        for size, pad, kernel, step in zip(x.shape[2:], padding, weight.shape[2:], stride, strict=True)
    ]
    y = torch.empty(
        (x.shape[0], weight.shape[0], *sides),
        dtype=x.dtype,
        memory_format=torch.channels_last if y_last else torch.contiguous_format,
    )
    padded = torch.zeros(-(-weight.shape[0] // _LANES) * _LANES)
    if bias is not None:
        padded[: bias.numel()] = bias
    sizes = _sizes(x, weight, stride, padding, y, last, y_last)
    _library().forward(_pointer(x), _pointer(weight), _pointer(padded), _pointer(y), sizes)
    return y


def gradient(x: torch.Tensor, weight: torch.Tensor, grad: torch.Tensor, stride: Size, padding: Size) -> torch.Tensor:
    """The gradient at ``weight`` ``[O, C, KH, KW]`` for ``grad`` ``[B, O, H', W']``, that at the output."""
    last, grad_last = _channels_last(x), _channels_last(grad)
    x = x if last or x.is_contiguous() else x.contiguous()
    grad = grad if grad_last or grad.is_contiguous() else grad.contiguous()
    result = torch.empty(weight.shape, dtype=weight.dtype)
    sizes = _sizes(x, weight, stride, padding, grad, last, grad_last)
    _library().gradient(_pointer(x), _pointer(grad), _pointer(result), sizes)
    return result


def _channels_last(x: torch.Tensor) -> bool:
    return not x.is_contiguous() and x.is_contiguous(memory_format=torch.channels_last)


def _sizes(
    x: torch.Tensor, weight: torch.Tensor, stride: Size, padding: Size, y: torch.Tensor, last: bool, y_last: bool
) -> ctypes.Array:
    outputs, _, *kernel = weight.shape
    numbers = (*x.shape, outputs, *kernel, *stride, *padding, *y.shape[2:], last, y_last, torch.get_num_threads())
    return (ctypes.c_int64 * len(numbers))(*map(int, numbers))


def _pointer(tensor: torch.Tensor) -> ctypes.c_void_p:
    return ctypes.c_void_p(tensor.data_ptr())
