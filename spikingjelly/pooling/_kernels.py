"""The compiled functions on tensors ``[B, C, H, W]``."""

import ctypes
import functools
from typing import NamedTuple

import torch

from spikingjelly import _layer_kernels
from spikingjelly._layer_kernels import channels_last, empty, numbers, pointer
from spikingjelly.pooling import _source

Pair = tuple[int, int]


class Window(NamedTuple):
    """What lies under one output, as the arguments of ``torch.nn.functional.max_pool2d``, each ``(of H, of W)``."""

    kernel_size: Pair
    stride: Pair
    padding: Pair
    dilation: Pair
    ceil_mode: bool

    def sides(self, x: torch.Tensor) -> Pair:
        """H and W of the output."""
        height, width = (self._side(d, x.shape[2 + d]) for d in (0, 1))
        return height, width

    def _side(self, d: int, size: int) -> int:
        kernel, stride, padding, dilation = (pair[d] for pair in self[:4])
        reach = size + 2 * padding - dilation * (kernel - 1) - 1
        side = (-(-reach // stride) if self.ceil_mode else reach // stride) + 1
        # The last window has to begin inside the input or in the padding on the left.
        return side - 1 if self.ceil_mode and (side - 1) * stride >= size + padding else side


def problem() -> str | None:
    """Why the kernels can't run here, or None; they are built at the first question."""
    return _layer_kernels.problem(_source.TEXT)


@functools.cache
def _functions() -> ctypes.CDLL:
    return _layer_kernels.load(_source.TEXT, "forward", "backward")


def forward(x: torch.Tensor, window: Window, with_positions: bool) -> tuple[torch.Tensor, torch.Tensor | None]:
    """The largest entries ``[B, C, H', W']`` and, as one byte each, where in their windows they lie."""
    last = channels_last(x)
    y = empty((*x.shape[:2], *window.sides(x)), last)
    positions = torch.empty_like(y, dtype=torch.uint8) if with_positions else None
    sizes = _sizes(x.shape, y, window, last)
    _functions().forward(pointer(x), pointer(y), None if positions is None else pointer(positions), sizes)
    return y, positions


def backward(grad: torch.Tensor, positions: torch.Tensor, shape: torch.Size, window: Window) -> torch.Tensor:
    """The gradient at the input of this ``shape`` for ``grad``, that at the output, laid out as ``positions``."""
    last = channels_last(positions)
    of_x = empty(shape, last, short_lived=True)
    grad = grad.contiguous(memory_format=torch.channels_last if last else torch.contiguous_format)
    _functions().backward(pointer(grad), pointer(positions), pointer(of_x), _sizes(shape, grad, window, last))
    return of_x


def _sizes(shape: torch.Size, y: torch.Tensor, window: Window, last: bool) -> ctypes.Array:
    pairs = (number for pair in window[:4] for number in pair)
    return numbers(*shape, *y.shape[2:], *pairs, last, torch.get_num_threads())
