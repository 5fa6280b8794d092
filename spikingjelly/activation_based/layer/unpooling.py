"""Inverses of max pooling with step modes."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from spikingjelly.activation_based.layer._wrapped import StepLayer, check_sequence_layout

Size = int | tuple[int, ...]


class _MaxUnpool(StepLayer):
    def __init__(self, kernel_size: Size, stride: Size | None = None, padding: Size = 0, step_mode: str = "s") -> None:
        super().__init__(kernel_size, stride=stride, padding=padding, step_mode=step_mode)

    def forward(  # type: ignore[override]
        self, input: torch.Tensor, indices: torch.Tensor, output_size: Sequence[int] | None = None
    ) -> Any:
        """
        :param input: pooled values
        :param indices: where they were, as :class:`MaxPool1d` returns them
        :param output_size: size of the planes, where it can't be known from that of the input
        """
        if self.step_mode == "s":
            return self._torch_unpool(input, indices, output_size)
        check_sequence_layout(self, input, self._layouts)
        check_sequence_layout(self, indices, self._layouts, needs_floats=False)
        y = self._torch_unpool(input.flatten(0, 1), indices.flatten(0, 1), output_size)
        return y.unflatten(0, input.shape[:2])

    def _torch_unpool(self, x: torch.Tensor, indices: torch.Tensor, output_size: Sequence[int] | None) -> Any:
        return super(StepLayer, self).forward(x, indices, output_size)  # type: ignore[misc]


class MaxUnpool1d(_MaxUnpool, nn.MaxUnpool1d):
    """:class:`torch.nn.MaxUnpool1d` on ``[N, C, L]`` in step mode 's' and ``[T, N, C, L]`` in 'm'. The indices come
    from :class:`MaxPool1d` with ``return_indices=True`` in the same step mode.

    :param step_mode: 's' or 'm'; the other parameters are those of the torch class

    :raises ValueError: in step mode 'm', for an input of another number of dimensions
    """

    _layouts = ("N, C, L",)


class MaxUnpool2d(_MaxUnpool, nn.MaxUnpool2d):
    """:class:`torch.nn.MaxUnpool2d` on ``[N, C, H, W]`` and ``[T, N, C, H, W]``, as :class:`MaxUnpool1d`."""

    _layouts = ("N, C, H, W",)


class MaxUnpool3d(_MaxUnpool, nn.MaxUnpool3d):
    """:class:`torch.nn.MaxUnpool3d` on ``[N, C, D, H, W]`` and ``[T, N, C, D, H, W]``, as :class:`MaxUnpool1d`."""

    _layouts = ("N, C, D, H, W",)
