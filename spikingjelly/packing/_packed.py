"""A tensor in as few bits as hold it."""

import ctypes
import functools

import torch

from spikingjelly import _layer_kernels
from spikingjelly._layer_kernels import numbers, pointer
from spikingjelly._memory_order import elements_without_gaps
from spikingjelly.packing import _source

_GROUP = 64  # elements
_SAMPLE = 1024
_BITS = (1, 4, 8)


class Packed:
    """Small integers in the order of the memory, the first in the lowest bits.

    :param bits: of an element: 1 for 0 and 1, 4 for 0 to 15, or 8 for -128 to 127
    """

    __slots__ = ("bits", "shape", "stride", "values")

    def __init__(self, values: torch.Tensor, bits: int, like: torch.Tensor) -> None:
        self.values, self.bits, self.shape, self.stride = values, bits, like.shape, like.stride()

    def unpack(self) -> torch.Tensor:
        """The tensor again, to the last bit, with the strides that it had."""
        x = torch.empty_strided(self.shape, self.stride, dtype=torch.float32)
        sizes = numbers(x.numel(), self.bits, torch.get_num_threads())
        _functions().unpack(pointer(self.values), pointer(x), sizes)
        return x


def pack(x: torch.Tensor) -> Packed | None:
    """A float32 tensor ``x`` on the CPU in fewer bits, or None if it has gaps in its memory or larger values."""
    n = elements_without_gaps(x.shape, x.stride())
    if n == 0 or problem() is not None:
        return None
    step = max(1, n // _SAMPLE) | 1  # odd, so that it does not stay in a column of an image
    fewest = _functions().bits_of_sample(pointer(x), ctypes.c_int64(n), ctypes.c_int64(step))
    for bits in _BITS[_BITS.index(fewest) :] if fewest else ():
        values = torch.empty(-(-n // _GROUP) * _GROUP * bits // 8, dtype=torch.uint8)
        if _functions().pack(pointer(x), pointer(values), numbers(n, bits, torch.get_num_threads())):
            return Packed(values, bits, x)
    return None


def problem() -> str | None:
    """Why the functions can't run here, or None; they are built at the first question."""
    return _layer_kernels.problem(_source.TEXT)


@functools.cache
def _functions() -> ctypes.CDLL:
    library = _layer_kernels.load(_source.TEXT, "bits_of_sample", "pack", "unpack")
    library.bits_of_sample.restype = library.pack.restype = ctypes.c_int64
    return library
