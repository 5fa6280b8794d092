"""Max-ResNet: an MS-ResNet whose coarser stages take the maximum of each patch, which keeps high frequencies.

Source: Fang et al., "Spiking Neural Networks Need High Frequency Information", 2025 (arXiv 2505.18608).
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from spikingjelly.activation_based import layer
from spikingjelly.activation_based._neuron_maker import Neuron
from spikingjelly.activation_based.model.ms_resnet import MSBlock, MSResNet

__all__ = ["MaxResNet", "max_resnet18"]


class MaxResNet(MSResNet):
    """Max-ResNet: input, output, parameters and errors are those of :class:`MSResNet`.

    The first stage keeps the size of the image, each further one halves it by a maximum pooling of 3x3. None for
    ``spiking_neuron`` are LIF neurons with ``tau=2.0, detach_reset=True``.
    """

    def _own_neuron(self) -> dict[str, Any]:
        return {"tau": 2.0, "detach_reset": True}

    def _stage(
        self, number: int, in_channels: int, channels: int, blocks: int, make_neuron: Callable[..., nn.Module]
    ) -> nn.Sequential:
        first = MSBlock if number == 0 else _MaxBlock
        rest = [MSBlock(channels, channels, 1, make_neuron) for _ in range(blocks - 1)]
        return nn.Sequential(first(in_channels, channels, 1, make_neuron), *rest)

    def _start_values(self, last_of_block: float = 0.0) -> None:
        """Those of the layers."""


class _MaxBlock(MSBlock):
    """A block at full size, with a maximum pooling behind its first convolution."""

    def __init__(self, in_channels: int, out_channels: int, stride: int, make_neuron: Callable[..., nn.Module]) -> None:
        super().__init__(in_channels, out_channels, stride, make_neuron)
        self.downsample = nn.Sequential(
            layer.Conv2d(in_channels, out_channels, kernel_size=1, stride=2, bias=False),
            layer.BatchNorm2d(out_channels),
        )
        self.max_pool = layer.MaxPool2d(kernel_size=3, stride=2, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out = self.max_pool(self.bn1(self.conv1(self.spike1(x))))
        return self._join(self.bn2(self.conv2(self.spike2(out))), x)


def max_resnet18(
    T: int = 4, in_channels: int = 3, num_classes: int = 10, spiking_neuron: Neuron | None = None, **kwargs: Any
) -> MaxResNet:
    """The Max-ResNet18 for CIFAR (12.5 million parameters); see :class:`MaxResNet`."""
    shape = {
        "layers": (3, 3, 2), "stem_kernel_size": 3, "stem_stride": 1, "stage_channels": (128, 256, 512),
    }  # fmt: skip
    return MaxResNet(T, in_channels, num_classes, spiking_neuron=spiking_neuron, **{**shape, **kwargs})
