"""The compiled functions that look up sums of four, on tensors ``[B, C, H, W]`` whose entries are 0 to 3."""

import ctypes
import functools
import math
from typing import NamedTuple

import torch

from spikingjelly import _layer_kernels
from spikingjelly._layer_kernels import Size, channels_last, empty, numbers, pointer, prepared
from spikingjelly.products import _choice, _source_head, _source_tables, _source_tables_passes

_SOURCE = _source_head.TEXT + _source_tables.TEXT + _source_tables_passes.TEXT
_BITS, _ROWS = 32, 6  # of a word, of outputs at once: as the source has them
_MOST_BITS = 1 << 28  # in the inputs of all output pixels: 32 MiB
LARGEST_PLANES = 2
_FIRST, _VALUES = 32, {0.0, 1.0, 2.0, 3.0}


def problem() -> str | None:
    """Why the functions can't run here, or None; they are built at the first question."""
    return _layer_kernels.problem(_SOURCE)


@functools.cache
def can_run_here() -> bool:
    """Whether the processor permutes vectors of 16 numbers."""
    return torch.backends.cpu.get_cpu_capability() == "AVX512"


@functools.cache
def _functions() -> ctypes.CDLL:
    return _layer_kernels.load(_SOURCE, "read", "forward", "gradient")


class Bits(NamedTuple):
    """Inputs ``[B, C, H, W]`` that are 0 to 3.

    :param words: of 32 channels each, ``[2, C / 32, B * H * W + 1]``
    :param planes: how many of the two planes have ones
    :param density: share of entries that are not zero
    """

    words: torch.Tensor
    planes: int
    density: float


def can_take(x: torch.Tensor, weight: torch.Tensor, stride: Size) -> bool:
    """Whether what is made of the bits of ``x`` on the way does not take too much memory."""
    pixels = x.shape[0] * math.prod(-(-side // step) for side, step in zip(x.shape[2:], stride, strict=True))
    return LARGEST_PLANES * pixels * weight[0].numel() <= _MOST_BITS


def excess(weight: torch.Tensor) -> float:
    """How many times as many sums are looked up as there are, for inputs are taken by words and outputs by rows."""
    outputs, channels = weight.shape[:2]
    return -(-channels // _BITS) * _BITS / channels * -(-outputs // _ROWS) * _ROWS / outputs


def read(x: torch.Tensor) -> Bits | None:
    """The bits of ``x``; None if an entry is not one of 0 to 3."""
    x, last = prepared(x)
    samples, channels, height, width = x.shape
    words = torch.empty(LARGEST_PLANES, -(-channels // _BITS), samples * height * width + 1, dtype=torch.int32)
    found = numbers(0, 0)
    sizes = numbers(*x.shape, *[1] * 9, last, False, torch.get_num_threads(), LARGEST_PLANES)
    _functions().read(pointer(x), pointer(words), found, sizes)
    return Bits(words, found[0], found[1] / x.numel()) if found[0] else None


def planes_at_a_glance(x: torch.Tensor) -> int:
    """How many planes of bits a few entries of ``x`` have, 0 if they are others than 0 to 3."""
    corner = x.detach()[0, 0].flatten()[:_FIRST]
    if not set(corner.tolist()) <= _VALUES:
        return 0
    largest = float(_choice.sample(x).max())
    return 1 if largest <= 1 else LARGEST_PLANES if largest in _VALUES else 0


def forward(
    bits: Bits, x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None, stride: Size, padding: Size
) -> torch.Tensor:
    """The convolution ``[B, O, H', W']`` of ``x``, whose ``bits`` are given, in the memory format of torch's."""
    last = channels_last(x) or channels_last(weight)
    weight = weight.contiguous()
    sides = [
        (size + 2 * pad - kernel) // step + 1
        for size, pad, kernel, step in zip(x.shape[2:], padding, weight.shape[2:], stride, strict=True)
    ]
    y = empty((x.shape[0], weight.shape[0], *sides), last)
    bias = torch.zeros(weight.shape[0]) if bias is None else bias.contiguous()
    sizes = _sizes(x, weight, stride, padding, y, last, bits.planes)
    _functions().forward(pointer(bits.words), pointer(weight), pointer(bias), pointer(y), sizes)
    return y


def gradient(
    bits: Bits, x: torch.Tensor, weight: torch.Tensor, grad: torch.Tensor, stride: Size, padding: Size
) -> torch.Tensor:
    """The gradient at ``weight`` ``[O, C, KH, KW]`` for ``grad`` ``[B, O, H', W']``, that at the output."""
    grad, last = prepared(grad)
    result = empty(weight.shape, False)
    sizes = _sizes(x, weight, stride, padding, grad, last, bits.planes)
    _functions().gradient(pointer(bits.words), pointer(grad), pointer(result), sizes)
    return result


def _sizes(
    x: torch.Tensor, weight: torch.Tensor, stride: Size, padding: Size, y: torch.Tensor, y_last: bool, planes: int
) -> ctypes.Array:
    outputs, _, *kernel = weight.shape
    threads = torch.get_num_threads()
    return numbers(*x.shape, outputs, *kernel, *stride, *padding, *y.shape[2:], False, y_last, threads, planes)
