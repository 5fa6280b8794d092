"""Tensors of one call, brought into the form that every target takes: neurons in a row, time steps at a stride.

The neurons of a time step are numbered in the order in which they lie in memory, so that channels-last and other dense
layouts need no copy.
"""

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch

from spikingjelly._memory_order import elements_without_gaps
from spikingjelly.fusion import eager, memory
from spikingjelly.fusion.program import Program

Strides = tuple[int, ...]


class SequenceView(NamedTuple):
    """``[T, *]`` with ``time_stride`` elements from one time step to the next; 0 where all are the same."""

    tensor: torch.Tensor
    time_stride: int


class StateView(NamedTuple):
    """``[*]`` with ``stride`` 1, or 0 where all neurons have the value of the first."""

    tensor: torch.Tensor
    stride: int


@dataclass(frozen=True)
class UniformView:
    """A value ``tensor[(neuron // inner) % count]`` for each neuron."""

    tensor: torch.Tensor
    count: int
    inner: int


class Layout(NamedTuple):
    """Shape of a time step and how its neurons lie in memory."""

    shape: torch.Size
    strides: Strides
    N: int

    def empty(self, like: torch.Tensor, dtype: torch.dtype | None = None) -> torch.Tensor:
        """A time step."""
        return memory.empty_strided(self.shape, self.strides, dtype or like.dtype, like.device)

    def empty_sequence(self, T: int, like: torch.Tensor) -> torch.Tensor:
        return memory.empty_strided((T, *self.shape), (self.N, *self.strides), like.dtype, like.device)


def layout_of(x_seq: torch.Tensor) -> Layout:
    """The layout of outputs and states for an input: its own where a time step is dense, else contiguous."""
    return _layout(x_seq.shape, x_seq.stride())


def known_layout_of(x_seq: torch.Tensor) -> Layout:
    """The same for sizes that are numbers, as they are where tensors have values; kept for later calls."""
    return _known_layout(x_seq.shape, x_seq.stride())


def _layout(shape: torch.Size, strides: Strides) -> Layout:
    shape, strides = shape[1:], strides[1:]
    return Layout(shape, strides if _is_dense(shape, strides) else _contiguous(shape), math.prod(shape))


_known_layout = functools.lru_cache(maxsize=4096)(_layout)


def _contiguous(shape: Sequence[int]) -> Strides:
    strides = [1]
    for size in reversed(shape[1:]):
        strides.append(strides[-1] * max(size, 1))
    return tuple(reversed(strides[: len(shape)]))


def _is_dense(shape: torch.Size, strides: Strides) -> bool:
    """Whether the elements lie without gaps, in whatever order of the dimensions."""
    return _same(shape, strides, _contiguous(shape)) or elements_without_gaps(shape, strides) > 0


def registers(dtype: torch.dtype) -> torch.dtype:
    """The dtype in which a kernel computes for tensors of ``dtype``."""
    return torch.float64 if dtype == torch.float64 else torch.float32


def sequence(x_seq: torch.Tensor, layout: Layout) -> SequenceView:
    """``x_seq`` itself if its time steps have the layout, else a copy; of equal time steps only one is copied."""
    x_seq = x_seq.resolve_neg()
    stride, repeated = _time_stride(x_seq.shape, x_seq.stride(), layout)
    if stride is not None:
        return SequenceView(x_seq, stride)
    if repeated:
        return SequenceView(layout.empty(x_seq).copy_(x_seq[0]), 0)
    return SequenceView(layout.empty_sequence(x_seq.shape[0], x_seq).copy_(x_seq), layout.N)


@functools.lru_cache(maxsize=4096)
def _time_stride(shape: torch.Size, strides: Strides, layout: Layout) -> tuple[int | None, bool]:
    """Elements from one time step to the next, or None where a copy is needed; whether all time steps are the same."""
    repeated = strides[0] == 0 or shape[0] == 1
    stride = 0 if repeated else strides[0]
    if _same(shape[1:], strides[1:], layout.strides) and (repeated or stride >= layout.N):
        return stride, repeated
    return None, repeated


def state(value: torch.Tensor, layout: Layout, dtype: torch.dtype, device: torch.device) -> StateView:
    """An initial state; one that is a single number, expanded, stays that number.

    :raises RuntimeError: if it is not on ``device``
    """
    if value.device != device:
        raise RuntimeError(
            f"a state is on {value.device}, the input on {device}. Call functional.reset_net(net) after you have moved "
            "the network or the input."
        )
    value = value.resolve_neg()
    strides = value.stride()
    if value.dtype == dtype and value.shape == layout.shape and _same(layout.shape, strides, layout.strides):
        return StateView(value, 1)
    if not any(strides):
        return StateView(value.to(dtype) if value.dtype != dtype else value, 0)
    return StateView(layout.empty(value, dtype).copy_(value.expand(layout.shape)), 1)


def dense(value: torch.Tensor, layout: Layout) -> torch.Tensor:
    """``value`` ``[*]`` itself if it has the layout, else a copy."""
    value = value.resolve_neg()
    fits = _same(layout.shape, value.stride(), layout.strides)
    return value if fits else layout.empty(value).copy_(value)


def uniforms(
    program: Program, tensors: Sequence[torch.Tensor], layout: Layout, dtype: torch.dtype, device: torch.device
) -> tuple[list[UniformView], dict[str, torch.Tensor]]:
    """The uniforms of a program, and all eager values computed for them.

    :raises RuntimeError: if one that is not a single number is not on ``device``
    """
    if not tensors and not program.uniforms:
        return [], {}
    values = {f"p{number}": tensor for number, tensor in enumerate(tensors)}
    eager.run(program.eager, program.uniforms, values, device)
    return [uniform(_on(device, values[name]).to(dtype), layout) for name in program.uniforms], values


def _on(device: torch.device, value: torch.Tensor) -> torch.Tensor:
    """``value``, which is a single number where it lies on another device; PyTorch takes nothing else from there."""
    if value.device == device:
        return value
    if value.dim() or value.device.type != "cpu":
        raise RuntimeError(
            f"a parameter or buffer of shape {list(value.shape)} is on {value.device}, the input on {device}. Move the "
            "network to the device of its input: net.to(x.device)."
        )
    return value.to(device)


def uniform(value: torch.Tensor, layout: Layout) -> UniformView:
    """``value``, which broadcasts to the neurons."""
    value = value.resolve_neg()
    if value.numel() <= 1 or not any(value.stride()):
        return UniformView(value, 1, 1)
    order = sorted(range(len(layout.shape)), key=lambda d: (-layout.strides[d], layout.shape[d]))
    varying = value.expand(layout.shape).permute(order)
    sizes = [layout.shape[d] for d in order]
    moving = [i for i, stride in enumerate(varying.stride()) if stride != 0 and sizes[i] > 1]
    low, high = moving[0], moving[-1] + 1
    if any(varying.stride(i) == 0 and sizes[i] > 1 for i in range(low, high)):
        low, high = 0, len(sizes)  # varies over dimensions that are not neighbours: written out for each neuron
    index = [slice(None) if low <= i < high else 0 for i in range(len(sizes))]
    count = math.prod(sizes[low:high])
    return UniformView(varying[tuple(index)].contiguous(), count, math.prod(sizes[high:]))


def _same(shape: torch.Size, strides: Strides, others: Strides) -> bool:
    if strides == others:
        return True
    return all(size <= 1 or a == b for size, a, b in zip(shape, strides, others, strict=True))
