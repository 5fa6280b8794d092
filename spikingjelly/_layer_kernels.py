"""What the compiled functions of layers share: built when first needed, and given tensors ``[B, C, H, W]``."""

import ctypes
import functools
import logging

import torch

from spikingjelly._transforms import is_transformed
from spikingjelly.fusion import build, memory

Size = tuple[int, ...]
LANES = 16  # of the widest vector of the sources
_logger = logging.getLogger(__name__)
_told: set[tuple[str, str]] = set()


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


def kernels_run(problem: str | None, otherwise: str) -> bool:
    """Whether kernels are here, as there is no ``problem`` with them; one is told once.

    :param otherwise: what runs then, as the message begins
    """
    if problem is not None and (otherwise, problem) not in _told:
        _told.add((otherwise, problem))
        _logger.info("%s: %s", otherwise, problem)
    return problem is None


def load(source: str, *functions: str) -> ctypes.CDLL:
    """The library of ``source``, whose ``functions`` return nothing."""
    library = build.load(source)
    for name in functions:
        getattr(library, name).restype = None
    return library


def may_take_over() -> bool:
    """Whether tensors are computed now, and not traced, transformed or watched by a mode that expects PyTorch's own."""
    return (
        not torch.compiler.is_compiling()
        and not torch.jit.is_tracing()
        and not torch._C._len_torch_dispatch_stack()
        and not is_transformed()
    )


def prepared(x: torch.Tensor) -> tuple[torch.Tensor, bool]:
    """``x`` without gaps in its memory, and whether its channels are last there."""
    x = x.resolve_neg()
    if x.is_contiguous():
        return x, False
    if x.is_contiguous(memory_format=torch.channels_last):
        return x, True
    return x.contiguous(), False


def channels_last(x: torch.Tensor) -> bool:
    """Whether the channels are last in memory, and not first as well."""
    return not x.is_contiguous() and x.is_contiguous(memory_format=torch.channels_last)


def empty(shape: Size, last: bool, short_lived: bool = False) -> torch.Tensor:
    """A tensor for a result; for a ``short_lived`` one in memory that is kept, see :func:`empty_in_kept_memory`."""
    order = torch.channels_last if last else torch.contiguous_format
    if not short_lived:
        return torch.empty(shape, dtype=torch.float32, memory_format=order)
    strides = torch.empty(shape, device="meta", memory_format=order).stride()
    return empty_in_kept_memory(shape, strides, torch.float32, torch.device("cpu"))


def empty_in_kept_memory(shape: Size, strides: Size, dtype: torch.dtype, device: torch.device) -> torch.Tensor:
    """A tensor that soon nobody holds any longer. If it is large, its memory waits for the next: new one is slower."""
    return memory.empty_strided(tuple(shape), tuple(strides), dtype, device)


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
