"""float32 on the CPU by the compiled functions: all threads, and one look at each element."""

import ctypes
import functools

import torch

from spikingjelly import _layer_kernels
from spikingjelly._layer_kernels import numbers, pointer
from spikingjelly.packing import _source
from spikingjelly.packing._forms import Stored

_GROUP = 64  # elements
_SAMPLE = 1024
_BITS = (1, 4, 8, 8)  # of an element of each kind, as the source has it


def problem() -> str | None:
    """Why the functions can't run here, or None; they are built at the first question."""
    return _layer_kernels.problem(_source.TEXT)


def can_take(x: torch.Tensor) -> bool:
    """Whether ``x`` is of the type and on the device that the functions are for, and they are here."""
    return x.dtype == torch.float32 and x.device.type == "cpu" and problem() is None


def pack(memory: torch.Tensor) -> Stored | None:
    """Elements ``[n]`` in 1 bit (0 and 1), 4 (0 to 15) or 8 (-128 to 127, or 0 to 255), the first in the lowest bits.

    None if one of them is another number.
    """
    n = len(memory)
    step = max(1, n // _SAMPLE) | 1  # odd, so that it does not stay in a column of an image
    fewest = _functions().kind_of_sample(pointer(memory), ctypes.c_int64(n), ctypes.c_int64(step))
    for kind in range(fewest, len(_BITS)):
        values = torch.empty(-(-n // _GROUP) * _GROUP * _BITS[kind] // 8, dtype=torch.uint8)
        if _functions().pack(pointer(memory), pointer(values), numbers(n, kind, torch.get_num_threads())):
            return values, functools.partial(_unpack, kind)
    return None


def _unpack(kind: int, values: torch.Tensor, n: int, dtype: torch.dtype) -> torch.Tensor:
    x = torch.empty(n, dtype=dtype)
    _functions().unpack(pointer(values), pointer(x), numbers(n, kind, torch.get_num_threads()))
    return x


@functools.cache
def _functions() -> ctypes.CDLL:
    library = _layer_kernels.load(_source.TEXT, "kind_of_sample", "pack", "unpack")
    library.kind_of_sample.restype = library.pack.restype = ctypes.c_int64
    return library
