"""Memory for large results on the CPU: in large pages, and used again.

PyTorch gives freed memory of the CPU back to the system, and the first write to each page of new memory costs a fault:
a new tensor of 64 MiB takes several times as long as writing it. So large results lie in memory that is kept for the
next result that fits, as it comes in the next training step, and is asked for in pages of 2 MiB.
"""

import contextlib
import functools
import math
import mmap
import os
import sys
import weakref
from collections.abc import Iterator

import numpy as np
import torch

_SMALLEST = 1 << 22  # bytes; smaller tensors come from memory that the allocator keeps
_PAGE = 1 << 21
_LARGEST_EXCESS = 4
# Bytes -> what is idle; the size that was given back last comes last. A finalizer may run between any two lines, and so
# may other threads. So memory only moves by `append` and `pop` of these lists, which nothing interrupts: nobody gets it
# twice.
_idle: dict[int, list[mmap.mmap]] = {}
_wishes: "weakref.WeakSet[Wish]" = weakref.WeakSet()


def empty_strided(
    shape: tuple[int, ...], strides: tuple[int, ...], dtype: torch.dtype, device: torch.device
) -> torch.Tensor:
    """A dense tensor without values."""
    size = math.prod(shape) * dtype.itemsize
    # A deterministic run has PyTorch fill what it gives.
    if device.type != "cpu" or size < _SMALLEST or not _can_map() or torch.are_deterministic_algorithms_enabled():
        return torch.empty_strided(shape, strides, dtype=dtype, device=device)
    storage = torch.from_numpy(_lease(size)).untyped_storage()
    return torch.empty(0, dtype=dtype).set_(storage, 0, shape, strides)


@functools.cache
def _can_map() -> bool:
    return sys.platform.startswith("linux") and hasattr(mmap, "MADV_HUGEPAGE")


def _lease(size: int) -> np.ndarray:
    """Bytes whose memory goes back to the idle one when nobody holds them any longer."""
    pages = -(-size // _PAGE) * _PAGE
    memory = _take_idle(pages)
    if memory is None:
        # Private: a forked process has its own. One page more than needed, to begin at a page.
        memory = mmap.mmap(-1, pages + _PAGE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        memory.madvise(mmap.MADV_HUGEPAGE)
    whole = np.frombuffer(memory, np.uint8)
    start = -whole.ctypes.data % _PAGE
    lease = whole[start : start + size]
    weakref.finalize(lease, _give_back, memory).atexit = False
    return lease


def _take_idle(pages: int) -> mmap.mmap | None:
    """The smallest idle memory that suffices, if it is not far too large."""
    for size in sorted(size for size, kept in list(_idle.items()) if kept and pages <= size <= _LARGEST_EXCESS * pages):
        with contextlib.suppress(IndexError, KeyError):  # another thread was faster
            return _idle[size].pop()
    return None


class Wish:
    """While one lives, memory that nobody holds goes back to the system."""

    __slots__ = ("__weakref__",)


@contextlib.contextmanager
def nothing_kept() -> Iterator[Wish]:
    """Inside, and as long as somebody holds what it gives, nothing is kept: where memory is dearer than time."""
    wish = Wish()
    _wishes.add(wish)
    _idle.clear()
    yield wish


def _give_back(memory: mmap.mmap) -> None:
    if _wishes:
        return
    size = len(memory) - _PAGE
    kept = _idle.pop(size, [])
    kept.append(memory)
    _idle[size] = kept
    too_much = idle_bytes() - _most_idle_bytes()
    for size, kept in list(_idle.items()):
        while too_much > 0 and kept:
            with contextlib.suppress(IndexError):
                kept.pop(0)
            too_much -= size


def idle_bytes() -> int:
    """What is kept for results to come."""
    return sum(size * len(kept) for size, kept in list(_idle.items()))


@functools.cache
def _most_idle_bytes() -> int:
    """A sixteenth of the machine's memory."""
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 16
