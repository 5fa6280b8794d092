"""A convolution and its batch normalisation, which become one convolution for deployment."""

from typing import Literal

import torch
from torch import nn

from spikingjelly.activation_based import functional
from spikingjelly.clock_driven.functional._conv_bn import fuse_convbn2d

_Size = int | tuple[int, int]


class ConvBatchNorm2d(nn.Module):
    """``conv``, a :class:`torch.nn.Conv2d` without bias, then ``bn``, a :class:`torch.nn.BatchNorm2d`.

    ``[N, C, H, W]``. The parameters are those of the two torch classes.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: _Size,
        stride: _Size = 1,
        padding: _Size = 0,
        dilation: _Size = 1,
        groups: int = 1,
        padding_mode: Literal["zeros", "reflect", "replicate", "circular"] = "zeros",
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(
            in_channels, out_channels, kernel_size, stride, padding, dilation, groups, False, padding_mode
        )
        self.bn = nn.BatchNorm2d(out_channels, eps, momentum, affine, track_running_stats)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.bn(self.conv(x))

    def get_fused_weight(self) -> torch.Tensor:
        """The weight of the one convolution."""
        return functional.fused_conv2d_weight_of_convbn2d(self.conv, self.bn)

    def get_fused_bias(self) -> torch.Tensor:
        """The bias of the one convolution."""
        return functional.fused_conv2d_bias_of_convbn2d(self.conv, self.bn)

    def scale_fused_weight(self, k: float | None = None, b: float | None = None) -> None:
        """See :func:`spikingjelly.activation_based.functional.scale_fused_conv2d_weight_of_convbn2d`."""
        functional.scale_fused_conv2d_weight_of_convbn2d(self.conv, self.bn, k, b)

    def scale_fused_bias(self, k: float | None = None, b: float | None = None) -> None:
        """See :func:`spikingjelly.activation_based.functional.scale_fused_conv2d_bias_of_convbn2d`."""
        functional.scale_fused_conv2d_bias_of_convbn2d(self.conv, self.bn, k, b)

    def get_fused_conv(self) -> nn.Conv2d:
        """The one convolution, with the running statistics of ``bn``."""
        return fuse_convbn2d(self.conv, self.bn)
