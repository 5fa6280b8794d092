"""Small integers of any dtype, on the CPU or a GPU, in 4 bits or in a narrow integer type."""

from typing import Any

import torch

from spikingjelly.packing._forms import Stored
from spikingjelly.packing._spikes import INTEGERS

_SAMPLE = 512
_BLOCK = 1 << 18  # elements that are converted and compared while they lie in the cache
_NARROW = (torch.uint8, torch.int16, torch.int32)


def pack(memory: torch.Tensor) -> Stored | None:
    """The elements ``[n]`` in a smaller type that holds them to the last bit, or None if there is none.

    Numbers up to 15 are two a byte, ``[ceil(n / 2)]``.
    """
    if memory.dtype.is_floating_point:
        sample = torch.cat((memory[:_SAMPLE], memory[:: -(-len(memory) // _SAMPLE)]))
        narrow = None if _as_bytes(sample) is None else _as_bytes(memory)
    elif memory.dtype in (torch.int32, torch.int64):
        narrow = _as_narrow_integers(memory)
    else:
        return None
    if narrow is None:
        return None
    if narrow.dtype is not torch.uint8 or len(narrow) < 2 or int(narrow.max()) > 15:
        return narrow, _widen
    if len(narrow) % 2:
        narrow = torch.cat((narrow, narrow.new_zeros(1)))
    high, low = narrow.view(-1, 2).unbind(1)
    return (high << 4).bitwise_or_(low), _separate


def _widen(values: torch.Tensor, n: int, dtype: torch.dtype) -> torch.Tensor:
    return values.to(dtype)


def _separate(values: torch.Tensor, n: int, dtype: torch.dtype) -> torch.Tensor:
    return torch.stack((values >> 4, values & 15), dim=1).view(-1)[:n].to(dtype)


def _as_bytes(memory: torch.Tensor) -> torch.Tensor | None:
    integers = INTEGERS[memory.dtype]  # -0.0 equals 0.0, but has another bit
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
