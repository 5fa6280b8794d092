"""When skipping zeros pays: the sizes and shares of nonzeros from which it was measured to."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import torch

from spikingjelly.sparse_products import _kernels

_logger = logging.getLogger(__name__)

# `python -m benchmarks sparse_products` prints the table that these come from.
HIGHEST_DENSITY = 0.2  # share of nonzeros in the input
HIGHEST_DENSITY_OF_GRADIENT = 0.3
SMALLEST_WORK = 1 << 23  # multiplications of the dense layer
# Output pixels of all samples; with fewer, sorting the weights takes most of the time.
SMALLEST_PLANE = 256
SMALLEST_PLANE_OF_GRADIENT = 1024
FEWEST_OUTPUTS = 32  # two vectors; with one, finding the ones takes longer than adding their weights
_SAMPLE = 4096

_enabled: ContextVar[bool] = ContextVar("skip_zeros", default=True)
_told: set[str] = set()


@contextmanager
def skip_zeros(enabled: bool = True) -> Iterator[None]:
    """Whether convolutions and linear layers on the CPU skip the zeros of sparse inputs. A context manager.

    By default :class:`layer.Conv1d`, :class:`layer.Conv2d` and :class:`layer.Linear` do so for float32 inputs of which
    at most a fifth is not zero, where the layer is large enough to gain by it. Their results differ from those of the
    dense layer in the last bits only, as between two machines; ``with functional.skip_zeros(False):`` computes all
    products, in PyTorch's own order. An infinite or undefined (NaN) weight makes NaN out of a zero in the dense layer
    only.

    :param enabled: whether zeros are skipped inside the context
    """
    token = _enabled.set(enabled)
    try:
        yield
    finally:
        _enabled.reset(token)


def is_plain(x: torch.Tensor) -> bool:
    """Whether ``x`` is a tensor with numbers in it, at which a shape may be asked for without being recorded."""
    return type(x) is torch.Tensor and not torch.compiler.is_compiling()


def large_enough(work: int, pixels: int, outputs: int) -> bool:
    """Whether a layer with so many multiplications, output pixels and output channels can gain."""
    return work >= SMALLEST_WORK and pixels >= SMALLEST_PLANE and outputs >= FEWEST_OUTPUTS


def can_run(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None) -> bool:
    """Whether float32 tensors on the CPU are computed now, and not traced, transformed or cast."""
    tensors = (x, weight) if bias is None else (x, weight, bias)
    return (
        type(weight) in (torch.Tensor, torch.nn.Parameter)
        and all(t.dtype == torch.float32 and t.device.type == "cpu" for t in tensors)
        and _enabled.get()
        and not torch.is_autocast_enabled("cpu")
        and not torch._C._len_torch_dispatch_stack()
        and not torch._C._are_functorch_transforms_active()
        and torch.autograd.forward_ad._current_level < 0
    )


def kernels_run() -> bool:
    """Whether there are kernels here. The first question builds them, which takes seconds: it comes last."""
    problem = _kernels.problem()
    if problem is not None and problem not in _told:
        _told.add(problem)
        _logger.info("zeros are not skipped: %s", problem)
    return problem is None


def density(x: torch.Tensor) -> float:
    """About the share of entries of ``x`` that are not zero, from a sample; 1 for a tensor with gaps in its memory."""
    n = x.numel()
    if not (x.is_contiguous() or (x.dim() == 4 and x.is_contiguous(memory_format=torch.channels_last))):
        return 1.0
    step = max(1, n // _SAMPLE) | 1  # odd, so that it does not stay in a column of an image
    sample = x.detach().as_strided((-(-n // step),), (step,), x.storage_offset())
    return torch.count_nonzero(sample).item() / sample.numel()
