"""Convolutions with step modes."""

from typing import Any

import torch
from torch import nn

from spikingjelly import packing, products
from spikingjelly.activation_based.layer._wrapped import StepLayer

Size = int | tuple[int, ...]


class _Conv(StepLayer):
    _takes_each_step_alone = True
    _compares_steps = True
    out_channels: int
    kernel_size: Any
    groups: Any
    padding_mode: Any
    dilation: Any
    stride: Any
    padding: Any

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Size,
        stride: Size = 1,
        padding: str | Size = 0,
        dilation: Size = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        step_mode: str = "s",
    ) -> None:
        super().__init__(
            in_channels,
            out_channels,
            kernel_size,
            stride=stride,
            padding=padding,
            dilation=dilation,
            groups=groups,
            bias=bias,
            padding_mode=padding_mode,
            step_mode=step_mode,
        )

    @property
    def _packs_what_it_saves(self) -> bool:
        return packing.worth_packing(self.out_channels, self.kernel_size, self.groups)

    def _conv_forward(self, input: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
        plain = self.groups == 1 and self.padding_mode == "zeros" and not isinstance(self.padding, str)
        if plain and all(d == 1 for d in self.dilation):
            y = products.convolution(input, weight, bias, self.stride, self.padding)
            if y is not None:
                return y
        y = super()._conv_forward(input, weight, bias)  # type: ignore[misc]
        if self._packs_what_it_saves:
            packing.pack_saved(y, "input")
        return y


class Conv1d(_Conv, nn.Conv1d):
    """:class:`torch.nn.Conv1d` on ``[N, C, L]`` in step mode 's' and ``[T, N, C, L]`` in 'm'.

    :param step_mode: 's' or 'm'; the other parameters are those of the torch class, as are the names in ``state_dict``

    :raises ValueError: in step mode 'm', for an input of another number of dimensions
    """

    _layouts = ("N, C, L",)


class Conv2d(_Conv, nn.Conv2d):
    """:class:`torch.nn.Conv2d` on ``[N, C, H, W]`` in step mode 's' and ``[T, N, C, H, W]`` in 'm'.

    Parameters and errors as in :class:`Conv1d`.
    """

    _layouts = ("N, C, H, W",)


class Conv3d(_Conv, nn.Conv3d):
    """:class:`torch.nn.Conv3d` on ``[N, C, D, H, W]`` in step mode 's' and ``[T, N, C, D, H, W]`` in 'm'.

    Parameters and errors as in :class:`Conv1d`.
    """

    _layouts = ("N, C, D, H, W",)


class _ConvTranspose(StepLayer):
    _takes_each_step_alone = True

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Size,
        stride: Size = 1,
        padding: Size = 0,
        output_padding: Size = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: Size = 1,
        padding_mode: str = "zeros",
        step_mode: str = "s",
    ) -> None:
        super().__init__(
            in_channels,
            out_channels,
            kernel_size,
            stride=stride,
            padding=padding,
            output_padding=output_padding,
            groups=groups,
            bias=bias,
            dilation=dilation,
            padding_mode=padding_mode,
            step_mode=step_mode,
        )

    def forward(self, input: torch.Tensor, output_size: list[int] | None = None) -> torch.Tensor:
        """``output_size``: the spatial size of the output, where the stride leaves a choice."""
        return self._run(lambda x: super(StepLayer, self).forward(x, output_size), input)


class ConvTranspose1d(_ConvTranspose, nn.ConvTranspose1d):
    """:class:`torch.nn.ConvTranspose1d` on ``[N, C, L]`` in step mode 's' and ``[T, N, C, L]`` in 'm'.

    Parameters and errors as in :class:`Conv1d`.
    """

    _layouts = ("N, C, L",)


class ConvTranspose2d(_ConvTranspose, nn.ConvTranspose2d):
    """:class:`torch.nn.ConvTranspose2d` on ``[N, C, H, W]`` in step mode 's' and ``[T, N, C, H, W]`` in 'm'.

    Parameters and errors as in :class:`Conv1d`.
    """

    _layouts = ("N, C, H, W",)


class ConvTranspose3d(_ConvTranspose, nn.ConvTranspose3d):
    """:class:`torch.nn.ConvTranspose3d` on ``[N, C, D, H, W]`` in step mode 's' and ``[T, N, C, D, H, W]`` in 'm'.

    Parameters and errors as in :class:`Conv1d`.
    """

    _layouts = ("N, C, D, H, W",)
