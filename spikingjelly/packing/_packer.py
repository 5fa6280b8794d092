"""What hooks for saved tensors keep in place of each."""

import weakref
from typing import Any

import torch

from spikingjelly.packing._forms import Packed, Values, Whole
from spikingjelly.packing._packed import memory_of, store

SMALLEST = 1 << 14  # elements; below, the fixed part of packing and unpacking is most of what it takes


def large_enough(tensor: torch.Tensor) -> bool:
    """Whether it pays to keep something else in place of ``tensor``."""
    return tensor.numel() >= SMALLEST


class Packer:
    """What is packed within one context. Tensors that lie on the same unchanged memory share what it is packed to."""

    def __init__(self) -> None:
        self.known: weakref.WeakValueDictionary[tuple[Any, ...], Values] = weakref.WeakValueDictionary()

    def pack(self, tensor: torch.Tensor) -> Any:
        """``tensor`` packed, or as it is: with other values than small integers, small, with gaps, or a parameter."""
        is_parameter = tensor.is_leaf and tensor.requires_grad
        memory = None if is_parameter or not large_enough(tensor) else memory_of(tensor)
        if memory is None or not large_enough(memory):
            return Whole(tensor)
        values = self._values(memory, shared=tensor.requires_grad)
        return Whole(tensor) if values is None else Packed(values, tensor)

    def _values(self, memory: torch.Tensor, shared: bool) -> Values | None:
        """What holds ``memory``, or None if it is not packed.

        :param shared: whether it is part of a graph, in which changes in place are counted
        """
        cdata = memory.untyped_storage()._cdata
        key = (cdata, memory.storage_offset(), len(memory), memory.dtype, memory._version)
        known = self.known.get(key) if shared else None
        if known is not None:
            return known
        stored = store(memory)
        if stored is None:
            return None
        values = Values(stored, memory)
        if shared:
            self.known[key] = values
        return values
