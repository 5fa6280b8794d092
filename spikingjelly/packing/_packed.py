"""A tensor in as few bits as hold it."""

import ctypes
import functools

import torch

from spikingjelly import _layer_kernels
from spikingjelly._layer_kernels import numbers, pointer
from spikingjelly.packing import _source

_GROUP = 64  # elements
_SAMPLE = 1024
# bits an element -> its least and largest value
_RANGES = {1: (0, 1), 4: (0, 15), 8: (-128, 127)}


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
    memory = _memory_of(x)
    if memory is None:
        return None
    for bits in _candidates(memory):
        if problem() is not None:
            return None
        values = torch.empty(-(-len(memory) // _GROUP) * _GROUP * bits // 8, dtype=torch.uint8)
        if _functions().pack(pointer(memory), pointer(values), _sizes(memory, bits)):
            return Packed(values, bits, x)
    return None


def problem() -> str | None:
    """Why the functions can't run here, or None; they are built at the first question."""
    return _layer_kernels.problem(_source.TEXT)


@functools.cache
def _functions() -> ctypes.CDLL:
    library = _layer_kernels.load(_source.TEXT, "pack", "unpack")
    library.pack.restype = ctypes.c_int64
    return library


def _sizes(memory: torch.Tensor, bits: int) -> ctypes.Array:
    return numbers(len(memory), bits, torch.get_num_threads())


def _memory_of(x: torch.Tensor) -> torch.Tensor | None:
    """The elements in the order of the memory ``[n]``, or None if it has gaps or is used more than once."""
    n = 1
    for stride, size in sorted(zip(x.stride(), x.shape, strict=True)):
        if size != 1 and stride != n:
            return None
        n *= size
    return x.detach().as_strided((n,), (1,)) if n else None


def _candidates(memory: torch.Tensor) -> list[int]:
    """The numbers of bits that a sample fits into."""
    sample = memory[:: max(1, len(memory) // _SAMPLE) | 1]  # odd, so that it does not stay in a column of an image
    if not torch.equal(sample.trunc(), sample):
        return []
    least, most = (value.item() for value in sample.aminmax())
    return [bits for bits, (low, high) in _RANGES.items() if low <= least and most <= high]
