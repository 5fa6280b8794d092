"""A small convolutional network for images of 28 x 28 pixels."""

import torch
from torch import nn

__all__ = ["CNN"]


class CNN(nn.Module):
    """Three times convolution (3 x 3, 32 channels), batch norm, ReLU and average pooling (2 x 2), then a linear layer.

    Images ``[N, 1, 28, 28]`` to logits ``[N, 10]``. The layers are in ``network``, a Sequential.

    :param channels: of each convolution, default 32
    :param num_classes: default 10
    """

    def __init__(self, channels: int = 32, num_classes: int = 10) -> None:
        super().__init__()
        stages = [self._stage(in_channels, channels) for in_channels in (1, channels, channels)]
        self.network = nn.Sequential(*(part for stage in stages for part in stage), nn.Flatten())
        self.network.append(nn.Linear(channels, num_classes))

    @staticmethod
    def _stage(in_channels: int, channels: int) -> list[nn.Module]:
        return [nn.Conv2d(in_channels, channels, 3), nn.BatchNorm2d(channels), nn.ReLU(), nn.AvgPool2d(2, 2)]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.network(x)
