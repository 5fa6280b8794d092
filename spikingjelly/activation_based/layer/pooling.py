"""Pooling with step modes."""

from typing import Any

import torch
from torch import nn
from torch.nn.modules.utils import _pair

from spikingjelly import pooling
from spikingjelly.activation_based.layer._wrapped import StepLayer

Size = int | tuple[int, ...]


class _MaxPool(StepLayer):
    _needs_floats = False
    _takes_each_step_alone = True

    def __init__(
        self,
        kernel_size: Size,
        stride: Size | None = None,
        padding: Size = 0,
        dilation: Size = 1,
        return_indices: bool = False,
        ceil_mode: bool = False,
        step_mode: str = "s",
    ) -> None:
        super().__init__(
            kernel_size,
            stride=stride,
            padding=padding,
            dilation=dilation,
            return_indices=return_indices,
            ceil_mode=ceil_mode,
            step_mode=step_mode,
        )


class MaxPool1d(_MaxPool, nn.MaxPool1d):
    """:class:`torch.nn.MaxPool1d` on ``[N, C, L]`` in step mode 's' and ``[T, N, C, L]`` in 'm'.

    With ``return_indices=True`` the output is a pair of values and indices, both with time in front in 'm'; an index
    counts in the plane of its time step.

    :param step_mode: 's' or 'm'; the other parameters are those of the torch class

    :raises ValueError: in step mode 'm', for an input of another number of dimensions
    """

    _layouts = ("N, C, L",)


class MaxPool2d(_MaxPool, nn.MaxPool2d):
    """:class:`torch.nn.MaxPool2d` on ``[N, C, H, W]`` in step mode 's' and ``[T, N, C, H, W]`` in 'm'.

    Parameters, indices and errors as in :class:`MaxPool1d`. For its gradient it keeps one byte for each output (on a
    GPU 2, or 4 for planes of more than 32767 entries), where PyTorch's keeps the input and 8 bytes for each output.
    """

    _layouts = ("N, C, H, W",)

    def _torch_layer(self, x: torch.Tensor) -> Any:
        if not self.return_indices:
            kernel, stride = _pair(self.kernel_size), _pair(self.stride)
            window = pooling.Window(kernel, stride, _pair(self.padding), _pair(self.dilation), self.ceil_mode)
            y = pooling.max_pool2d(x, window)
            if y is not None:
                return y
        return super()._torch_layer(x)


class MaxPool3d(_MaxPool, nn.MaxPool3d):
    """:class:`torch.nn.MaxPool3d` on ``[N, C, D, H, W]`` in step mode 's' and ``[T, N, C, D, H, W]`` in 'm'.

    Parameters, indices and errors as in :class:`MaxPool1d`.
    """

    _layouts = ("N, C, D, H, W",)


class AvgPool1d(StepLayer, nn.AvgPool1d):
    """:class:`torch.nn.AvgPool1d` on ``[N, C, L]`` in step mode 's' and ``[T, N, C, L]`` in 'm'.

    :param step_mode: 's' or 'm'; the other parameters are those of the torch class

    :raises ValueError: in step mode 'm', for an input of another number of dimensions
    """

    _layouts = ("N, C, L",)
    _takes_each_step_alone = True

    def __init__(
        self,
        kernel_size: Size,
        stride: Size | None = None,
        padding: Size = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        step_mode: str = "s",
    ) -> None:
        super().__init__(
            kernel_size,
            stride=stride,
            padding=padding,
            ceil_mode=ceil_mode,
            count_include_pad=count_include_pad,
            step_mode=step_mode,
        )


class _AvgPool(StepLayer):
    _takes_each_step_alone = True

    def __init__(
        self,
        kernel_size: Size,
        stride: Size | None = None,
        padding: Size = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
        step_mode: str = "s",
    ) -> None:
        super().__init__(
            kernel_size,
            stride=stride,
            padding=padding,
            ceil_mode=ceil_mode,
            count_include_pad=count_include_pad,
            divisor_override=divisor_override,
            step_mode=step_mode,
        )


class AvgPool2d(_AvgPool, nn.AvgPool2d):
    """:class:`torch.nn.AvgPool2d` on ``[N, C, H, W]`` in step mode 's' and ``[T, N, C, H, W]`` in 'm'.

    Parameters and errors as in :class:`AvgPool1d`.
    """

    _layouts = ("N, C, H, W",)


class AvgPool3d(_AvgPool, nn.AvgPool3d):
    """:class:`torch.nn.AvgPool3d` on ``[N, C, D, H, W]`` in step mode 's' and ``[T, N, C, D, H, W]`` in 'm'.

    Parameters and errors as in :class:`AvgPool1d`.
    """

    _layouts = ("N, C, D, H, W",)


class _AdaptiveAvgPool(StepLayer):
    _takes_each_step_alone = True

    def __init__(self, output_size: Any, step_mode: str = "s") -> None:
        super().__init__(output_size, step_mode=step_mode)


class AdaptiveAvgPool1d(_AdaptiveAvgPool, nn.AdaptiveAvgPool1d):
    """:class:`torch.nn.AdaptiveAvgPool1d` on ``[N, C, L]`` in step mode 's' and ``[T, N, C, L]`` in 'm'.

    :param output_size: the length of the output
    :param step_mode: 's' or 'm'

    :raises ValueError: in step mode 'm', for an input of another number of dimensions
    """

    _layouts = ("N, C, L",)


class AdaptiveAvgPool2d(_AdaptiveAvgPool, nn.AdaptiveAvgPool2d):
    """:class:`torch.nn.AdaptiveAvgPool2d` on ``[N, C, H, W]`` in step mode 's' and ``[T, N, C, H, W]`` in 'm'.

    Parameters and errors as in :class:`AdaptiveAvgPool1d`.
    """

    _layouts = ("N, C, H, W",)


class AdaptiveAvgPool3d(_AdaptiveAvgPool, nn.AdaptiveAvgPool3d):
    """:class:`torch.nn.AdaptiveAvgPool3d` on ``[N, C, D, H, W]`` in step mode 's' and ``[T, N, C, D, H, W]`` in 'm'.

    Parameters and errors as in :class:`AdaptiveAvgPool1d`.
    """

    _layouts = ("N, C, D, H, W",)
