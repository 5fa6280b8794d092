"""Small integers that wait for the backward pass in as few bits as hold them all."""

from typing import Any

import torch
from torch.multiprocessing.reductions import StorageWeakRef

_SAMPLE = 512
_BLOCK = 1 << 18  # elements that are converted and compared while they lie in the cache
_NARROW = (torch.uint8, torch.int16, torch.int32)


class Counts:
    """Integers in the order of the memory, each in 4 bits (two a byte), or in a narrow integer type."""

    __slots__ = ("__weakref__", "dtype", "n", "origin", "values")

    def __init__(self, values: torch.Tensor, memory: torch.Tensor) -> None:
        self.values, self.n, self.dtype = values, len(memory), memory.dtype
        self.origin = StorageWeakRef(memory.untyped_storage())  # no other storage gets its address meanwhile

    @property
    def nbytes(self) -> int:
        return self.values.untyped_storage().nbytes()

    def unpack(self) -> torch.Tensor:
        """The elements again, ``[n]``."""
        values = self.values
        if len(values) < self.n:
            values = torch.stack((values >> 4, values & 15), dim=1).view(-1)[: self.n]
        return values.to(self.dtype)


def narrowed(memory: torch.Tensor, integers: torch.dtype) -> torch.Tensor | None:
    """The elements ``[n]`` in a smaller type that holds them to the last bit, or None if there is none.

    Numbers up to 15 are two a byte, ``[ceil(n / 2)]``.

    :param integers: the integer type of the size of the elements, for -0.0 equals 0.0 but has another bit
    """
    if memory.dtype.is_floating_point:
        sample = torch.cat((memory[:_SAMPLE], memory[:: -(-len(memory) // _SAMPLE)]))
        narrow = None if _as_bytes(sample, integers) is None else _as_bytes(memory, integers)
    elif memory.dtype in (torch.int32, torch.int64):
        narrow = _as_narrow_integers(memory)
    else:
        return None
    if narrow is None or narrow.dtype is not torch.uint8 or len(narrow) < 2 or int(narrow.max()) > 15:
        return narrow
    if len(narrow) % 2:
        narrow = torch.cat((narrow, narrow.new_zeros(1)))
    high, low = narrow.view(-1, 2).unbind(1)
    return (high << 4).bitwise_or_(low)


def _as_bytes(memory: torch.Tensor, integers: torch.dtype) -> torch.Tensor | None:
    narrow = torch.empty(len(memory), dtype=torch.uint8, device=memory.device)
    for start in range(0, len(memory), _BLOCK):
        block = memory[start : start + _BLOCK]
        part = narrow[start : start + _BLOCK].copy_(block)
        if not torch.equal(part.to(memory.dtype).view(integers), block.view(integers)):
            return None
    return narrow


def _as_narrow_integers(memory: torch.Tensor) -> torch.Tensor | None:
    least, most = (int(value) for value in memory.aminmax())
    for dtype in _NARROW:
        limits: Any = torch.iinfo(dtype)
        if limits.min <= least and most <= limits.max and dtype.itemsize < memory.dtype.itemsize:
            return memory.to(dtype)
    return None
