"""Batch normalisation by the kernel, or None where PyTorch's is to run."""

import ctypes
import functools
from typing import Any, NamedTuple

import torch
from torch.overrides import has_torch_function

from spikingjelly import _layer_kernels
from spikingjelly._layer_kernels import numbers, pointer
from spikingjelly._rounding import rounds_once
from spikingjelly.normalization import _source

# Values of the input; for fewer, the call takes as long as what it saves.
SMALLEST_WORK = 1 << 17
FEWEST_IN_A_ROW = 16  # values of a channel that are neighbours in memory
NODE = "_BatchNormBackward"  # name in the graph of a node that saves input, weight, mean and 1 / standard deviation


class Running(NamedTuple):
    """Statistics that follow those of the batches, by ``momentum`` each time."""

    mean: torch.Tensor
    var: torch.Tensor
    momentum: float


def batch_norm(
    x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor, running: Running | None, eps: float
) -> torch.Tensor:
    """``x`` ``[N, C, *]``, which :func:`can_take` has seen, normalised by its own statistics; ``running`` moves."""
    y: torch.Tensor = _BatchNorm.apply(x, weight, bias, running, eps)  # type: ignore[no-untyped-call]
    return y


def can_take(x: torch.Tensor, weight: Any, bias: Any, running_mean: Any, running_var: Any) -> bool:
    """Whether the kernel is here for these tensors: float32 on the CPU, channels first in memory, not traced."""
    if type(x) is not torch.Tensor or torch.compiler.is_compiling() or torch.jit.is_tracing():
        return False
    if x.dim() < 3 or x.numel() < SMALLEST_WORK or x.numel() < FEWEST_IN_A_ROW * x.shape[0] * x.shape[1]:
        return False
    of_channels = (weight, bias) if running_mean is None else (weight, bias, running_mean, running_var)
    return (
        _is_plain(x)
        and all(type(t) in (torch.Tensor, torch.nn.Parameter) and t.shape == (x.shape[1],) for t in of_channels)
        and all(map(_is_plain, of_channels))
        and not torch.is_autocast_enabled("cpu")
        and not has_torch_function((x, *of_channels))
        and _layer_kernels.may_take_over()
        and _kernels_run()
    )


def _is_plain(t: torch.Tensor) -> bool:
    return t.dtype == torch.float32 and t.device.type == "cpu" and t.is_contiguous() and not t.is_neg()


def _kernels_run() -> bool:
    run = _layer_kernels.kernels_run(_layer_kernels.problem(_source.TEXT), "batch normalisation is PyTorch's own")
    return run and rounds_once() is not None


@functools.cache
def _functions() -> ctypes.CDLL:
    return _layer_kernels.load(_source.TEXT, "forward")


class _BatchNorm(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor, running: Running | None, eps: float
    ) -> torch.Tensor:
        y, mean, deviation = torch.empty_like(x), torch.empty_like(weight), torch.empty_like(weight)
        sizes = numbers(*x.shape[:2], x[0, 0].numel(), bool(rounds_once()), torch.get_num_threads())
        momentum = 0.0 if running is None else running.momentum
        _functions().forward(
            *map(pointer, (x, weight, bias, y, mean, deviation)),
            *((None, None) if running is None else map(pointer, running[:2])),
            (ctypes.c_double * 2)(momentum, eps),
            sizes,
        )
        if running is not None:
            for statistic in running[:2]:
                torch.autograd.graph.increment_version(statistic)
        ctx.save_for_backward(x, weight, mean, deviation)
        ctx.eps = eps
        return y

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> tuple[Any, ...]:
        x, weight, mean, deviation = ctx.saved_tensors
        wanted = list(ctx.needs_input_grad[:3])
        arguments = (grad, x, weight, None, None, mean, deviation, True, ctx.eps, wanted)
        return (*torch.ops.aten.native_batch_norm_backward(*arguments), None, None)
