"""A tensor in as few bits as hold it, or None: the one place that knows the ways to pack."""

import torch

from spikingjelly._memory_order import elements_without_gaps
from spikingjelly.packing import _kernel, _narrowed, _spikes
from spikingjelly.packing._forms import Packed, Stored, Values


def pack(tensor: torch.Tensor) -> Packed | None:
    """``tensor`` packed, if it has no gaps in its memory and its elements are spikes or small integers.

    Of an expanded tensor (stride 0) only the memory that it has is packed.
    """
    memory = memory_of(tensor)
    stored = None if memory is None else store(memory)
    return None if memory is None or stored is None else Packed(Values(stored, memory), tensor)


def memory_of(tensor: torch.Tensor) -> torch.Tensor | None:
    """The elements of ``tensor`` in the order of the memory ``[n]``, or None if they can't be packed."""
    if (
        type(tensor) is not torch.Tensor
        or tensor.dtype not in _spikes.INTEGERS
        or tensor.layout is not torch.strided
        or tensor.device.type not in ("cpu", "cuda")
        or tensor.is_neg()
        or tensor.is_nested
    ):
        return None
    n = elements_without_gaps(tensor.shape, tensor.stride(), repeated=True)
    return tensor.detach().as_strided((n,), (1,)) if n else None


def store(memory: torch.Tensor) -> Stored | None:
    """The elements ``[n]`` packed, by the quickest of the ways."""
    if _kernel.can_take(memory):
        return _kernel.pack(memory)
    return _spikes.pack(memory) or _narrowed.pack(memory)
