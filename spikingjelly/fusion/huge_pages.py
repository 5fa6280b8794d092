"""Fresh memory in large pages.

The first write to each page of new memory costs a fault. With pages of 4 KiB the faults of a tensor of 64 MiB take
three times as long as writing it; Linux makes it pages of 2 MiB where it is asked to.
"""

import ctypes
import functools
import mmap
import sys
from collections.abc import Callable

import torch

_SMALLEST = 1 << 23  # bytes; smaller tensors come from memory that the allocator keeps


def advise(tensor: torch.Tensor) -> torch.Tensor:
    """``tensor``, new and still without values, with the wish for large pages where that helps."""
    size = tensor.numel() * tensor.element_size()
    if size >= _SMALLEST and tensor.device.type == "cpu":
        madvise = _madvise()
        if madvise is not None:
            first = -(-tensor.data_ptr() // mmap.PAGESIZE) * mmap.PAGESIZE
            whole = (tensor.data_ptr() + size - first) // mmap.PAGESIZE * mmap.PAGESIZE
            madvise(first, whole, mmap.MADV_HUGEPAGE)  # only a wish: a kernel that can't fulfil it says no
    return tensor


@functools.cache
def _madvise() -> Callable[[int, int, int], int] | None:
    if not sys.platform.startswith("linux") or not hasattr(mmap, "MADV_HUGEPAGE"):
        return None
    function = ctypes.CDLL(None).madvise
    function.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
    return function
