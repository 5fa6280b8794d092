"""Whether other ways than PyTorch's may be taken: the switch, the tensors, the sizes and shares of nonzeros."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import torch

from spikingjelly import _layer_kernels

# `python -m benchmarks sparse_products` prints the table that these come from.
HIGHEST_DENSITY = 0.2  # share of nonzeros in the input
HIGHEST_DENSITY_OF_GRADIENT = 0.3
SMALLEST_WORK = 1 << 24  # multiplications of the dense layer; with fewer, to look takes as long as what is gained
# Output pixels of all samples; with fewer, sorting the weights takes most of the time.
SMALLEST_PLANE = 256
SMALLEST_PLANE_OF_GRADIENT = 512
FEWEST_OUTPUTS = 32  # two vectors; with one, finding the ones takes longer than adding their weights
FEWEST_CHANNELS = 32  # of the input: two vectors, and a word of bits
_SAMPLE = 4096

_enabled: ContextVar[bool] = ContextVar("skip_zeros", default=True)


@contextmanager
def skip_zeros(enabled: bool = True) -> Iterator[None]:
    """Whether convolutions and linear layers on the CPU may take other ways than PyTorch's. A context manager.

    By default :class:`layer.Conv1d`, :class:`layer.Conv2d` and :class:`layer.Linear` skip the zeros of float32 inputs
    of which at most a fifth is not zero, where the layer is large enough to gain by it. Where all inputs are 0 to 3, as
    spikes and sums of a few are, processors with AVX-512 look sums of four weights up. :class:`layer.Conv2d` with
    3 x 3 taps and stride 1 computes what has no zeros to skip, as the gradient of the input, by Winograd's minimal
    filtering, in tiles of 2 x 2 outputs forward and up to 4 x 4 backward; :class:`layer.Linear` computes large products
    by oneDNN where the processor has AVX-512. In step mode 'm' both compute one time step for all where these are
    copies of one, as an image repeated over time, and so do the layers that follow, up to the first neuron. The results
    differ from those of PyTorch's layers in the last bits only, as between two machines;
    ``with functional.skip_zeros(False):`` computes all products, in PyTorch's own order. An infinite or undefined (NaN)
    weight makes NaN out of a zero in the dense layer only, and an infinite or undefined input or gradient spreads in
    its tile.

    :param enabled: whether other ways than PyTorch's are taken inside the context
    """
    token = _enabled.set(enabled)
    try:
        yield
    finally:
        _enabled.reset(token)


def may_differ() -> bool:
    """Whether sums may be made in another order than PyTorch's, as :func:`skip_zeros` says."""
    return _enabled.get()


def is_plain(x: torch.Tensor) -> bool:
    """Whether ``x`` is a tensor with numbers in it, at which a shape may be asked for without being recorded."""
    return type(x) is torch.Tensor and not torch.compiler.is_compiling() and not torch.jit.is_tracing()


def large_enough(work: int, pixels: int, outputs: int) -> bool:
    """Whether a layer with so many multiplications, output pixels and output channels can gain."""
    return work >= SMALLEST_WORK and pixels >= SMALLEST_PLANE and outputs >= FEWEST_OUTPUTS


def can_run(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None) -> bool:
    """Whether float32 tensors on the CPU are computed now, and not traced, transformed or cast."""
    tensors = (x, weight) if bias is None else (x, weight, bias)
    return (
        type(weight) in (torch.Tensor, torch.nn.Parameter)
        and all(t.dtype == torch.float32 and t.device.type == "cpu" for t in tensors)
        and may_differ()
        and not torch.is_autocast_enabled("cpu")
        and _layer_kernels.may_take_over()
        and not any(t.is_neg() for t in tensors)
    )


def kernels_run(problem: str | None) -> bool:
    """Whether kernels are here, as there is no ``problem`` with them; one is told once."""
    return _layer_kernels.kernels_run(problem, "convolutions and linear layers are PyTorch's own")


def density(x: torch.Tensor) -> float:
    """About the share of entries of ``x`` that are not zero, from a sample; 1 for a tensor with gaps in its memory."""
    if not _is_without_gaps(x):
        return 1.0
    entries = sample(x)
    return torch.count_nonzero(entries).item() / entries.numel()


def sample(x: torch.Tensor) -> torch.Tensor:
    """Entries of ``x`` from all over it; of a tensor with gaps in its memory, from a part."""
    x = x.detach()
    if not _is_without_gaps(x):
        return x[0].flatten()
    n = x.numel()
    step = max(1, n // _SAMPLE) | 1  # odd, so that it does not stay in a column of an image
    return x.as_strided((-(-n // step),), (step,), x.storage_offset())


def _is_without_gaps(x: torch.Tensor) -> bool:
    return x.is_contiguous() or (x.dim() == 4 and x.is_contiguous(memory_format=torch.channels_last))
