"""Residual networks for images of 32 x 32 pixels.

Source: He et al., "Deep Residual Learning for Image Recognition", CVPR 2016: the networks of its table 1 with the stem
that is usual for small images: one 3 x 3 convolution with stride 1, and no max pooling.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import nn

__all__ = ["BasicBlock", "Bottleneck", "ResNet", "ResNet18", "ResNet34", "ResNet50", "ResNet101", "ResNet152"]


def _conv_bn(in_channels: int, channels: int, kernel_size: int, stride: int = 1) -> nn.Sequential:
    convolution = nn.Conv2d(in_channels, channels, kernel_size, stride, kernel_size // 2, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(channels))


class _Block(nn.Module):
    r""":math:`y = \mathrm{ReLU}(f(x) + g(x))` with the identity or a 1 x 1 convolution as shortcut :math:`g`."""

    expansion: int

    def __init__(self, in_channels: int, channels: int, stride: int) -> None:
        super().__init__()
        out_channels = channels * self.expansion
        self.residual = self._residual(in_channels, channels, stride)
        same = stride == 1 and in_channels == out_channels
        self.shortcut = nn.Identity() if same else _conv_bn(in_channels, out_channels, 1, stride)
        self.relu = nn.ReLU()

    def _residual(self, in_channels: int, channels: int, stride: int) -> nn.Sequential:
        raise NotImplementedError(f"{type(self).__name__} does not define its residual function")

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.relu(self.residual(x) + self.shortcut(x))


class BasicBlock(_Block):
    """Two 3 x 3 convolutions with batch norm, ``[N, in_channels, H, W]`` to ``[N, channels, H / stride, W / stride]``.

    :param in_channels: of the input
    :param channels: of the convolutions
    :param stride: of the first convolution
    """

    expansion = 1

    def _residual(self, in_channels: int, channels: int, stride: int) -> nn.Sequential:
        return nn.Sequential(*_conv_bn(in_channels, channels, 3, stride), nn.ReLU(), *_conv_bn(channels, channels, 3))


class Bottleneck(_Block):
    """Convolutions of 1 x 1, 3 x 3 (with the stride) and 1 x 1; the last has four times the channels.

    Parameters are those of :class:`BasicBlock`.
    """

    expansion = 4

    def _residual(self, in_channels: int, channels: int, stride: int) -> nn.Sequential:
        return nn.Sequential(
            *_conv_bn(in_channels, channels, 1),
            nn.ReLU(),
            *_conv_bn(channels, channels, 3, stride),
            nn.ReLU(),
            *_conv_bn(channels, channels * self.expansion, 1),
        )


class ResNet(nn.Module):
    """A stem, four stages of residual blocks, average pooling over the plane and one linear layer.

    Images ``[N, 3, 32, 32]`` to logits ``[N, num_classes]``.

    :param block: :class:`BasicBlock` or :class:`Bottleneck`
    :param blocks: how many of them in each of the four stages
    :param num_classes: default 10
    :param width: channels of the first stage, default 64; each later stage has twice those of the one before
    """

    def __init__(self, block: type[_Block], blocks: Sequence[int], num_classes: int = 10, width: int = 64) -> None:
        super().__init__()
        self.stem = nn.Sequential(*_conv_bn(3, width, 3), nn.ReLU())
        stages, in_channels = [], width
        for stage, count in enumerate(blocks):
            channels = width * 2**stage
            for index in range(count):
                stages.append(block(in_channels, channels, stride=2 if stage > 0 and index == 0 else 1))
                in_channels = channels * block.expansion
        self.blocks = nn.Sequential(*stages)
        self.fc = nn.Linear(in_channels, num_classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        features = F.adaptive_avg_pool2d(self.blocks(self.stem(x)), 1)
        return self.fc(features.flatten(1))


def ResNet18(num_classes: int = 10) -> ResNet:
    """18 layers: basic blocks 2, 2, 2, 2."""
    return ResNet(BasicBlock, (2, 2, 2, 2), num_classes)


def ResNet34(num_classes: int = 10) -> ResNet:
    """34 layers: basic blocks 3, 4, 6, 3."""
    return ResNet(BasicBlock, (3, 4, 6, 3), num_classes)


def ResNet50(num_classes: int = 10) -> ResNet:
    """50 layers: bottlenecks 3, 4, 6, 3."""
    return ResNet(Bottleneck, (3, 4, 6, 3), num_classes)


def ResNet101(num_classes: int = 10) -> ResNet:
    """101 layers: bottlenecks 3, 4, 23, 3."""
    return ResNet(Bottleneck, (3, 4, 23, 3), num_classes)


def ResNet152(num_classes: int = 10) -> ResNet:
    """152 layers: bottlenecks 3, 8, 36, 3."""
    return ResNet(Bottleneck, (3, 8, 36, 3), num_classes)
