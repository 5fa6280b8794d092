"""Sources that are built when they are first needed, and what their functions are given."""

import ctypes
import functools

import torch

from spikingjelly.fusion import build

Size = tuple[int, ...]
LANES = 16  # of the widest vector of the sources


@functools.cache
def problem(source: str) -> str | None:
    """Why the functions of ``source`` can't run here, or None; they are built at the first question."""
    if build.compiler() is None:
        return "no C++ compiler was found ($CXX, g++, c++ or clang++)"
    try:
        build.load(source)
    except build.BuildError as error:
        return str(error)
    return None


def prepared(x: torch.Tensor) -> tuple[torch.Tensor, bool]:
    """``x`` without gaps in its memory, and whether its channels are last there."""
    if x.is_contiguous():
        return x, False
    if x.is_contiguous(memory_format=torch.channels_last):
        return x, True
    return x.contiguous(), False


def channels_last(x: torch.Tensor) -> bool:
    """Whether the channels are last in memory, and not first as well."""
    return not x.is_contiguous() and x.is_contiguous(memory_format=torch.channels_last)


def empty(shape: Size, last: bool) -> torch.Tensor:
    """A tensor for a result."""
    return torch.empty(
        shape, dtype=torch.float32, memory_format=torch.channels_last if last else torch.contiguous_format
    )


def whole_vectors(bias: torch.Tensor | None, outputs: int) -> torch.Tensor:
    """``bias``, or none, and zeros behind it."""
    padded = torch.zeros(-(-outputs // LANES) * LANES)
    if bias is not None:
        padded[:outputs] = bias
    return padded


def numbers(*values: int) -> ctypes.Array:
    """Sizes for a function of a source."""
    return (ctypes.c_int64 * len(values))(*map(int, values))


def pointer(tensor: torch.Tensor) -> ctypes.c_void_p:
    """The first entry of ``tensor``."""
    return ctypes.c_void_p(tensor.data_ptr())
