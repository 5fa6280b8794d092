"""The plan that all ResNets share: stem, four stages of blocks, mean, classifier. Names are those of torchvision."""

import os
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import nn

from spikingjelly.activation_based import layer
from spikingjelly.activation_based._checks import check_positive_int
from spikingjelly.activation_based.model._neurons import Neuron, neuron_maker
from spikingjelly.activation_based.model._pretrained import load_pretrained
from spikingjelly.activation_based.model._shapes import SHAPES

Norm = Callable[[int], nn.Module]


def conv3x3(in_planes: int, out_planes: int, stride: int = 1, groups: int = 1, dilation: int = 1) -> layer.Conv2d:
    """A 3x3 convolution without bias that keeps the size where ``stride`` is 1."""
    return layer.Conv2d(
        in_planes, out_planes, kernel_size=3, stride=stride, padding=dilation, groups=groups, bias=False,
        dilation=dilation,
    )  # fmt: skip


def conv1x1(in_planes: int, out_planes: int, stride: int = 1) -> layer.Conv2d:
    """A 1x1 convolution without bias."""
    return layer.Conv2d(in_planes, out_planes, kernel_size=1, stride=stride, bias=False)


class ResNet(nn.Module):
    """``[N, 3, H, W]`` (step mode 's') or ``[T, N, 3, H, W]`` ('m') to ``[N, num_classes]`` or ``[T, N, num_classes]``.

    :param block: class of the blocks; has ``expansion`` and takes ``(inplanes, planes, stride, downsample, groups,
        base_width, dilation, norm_layer, **block_keywords)``
    :param layers: number of blocks in each of the four stages
    :param num_classes: number of classes
    :param zero_init_residual: whether the last normalisation of each block starts with weight 0
    :param groups: groups of the 3x3 convolutions
    :param width_per_group: their width
    :param replace_stride_with_dilation: for the last three stages, whether a dilation takes the place of the stride
    :param norm_layer: class of the normalisations; None for :class:`layer.BatchNorm2d`
    :param spiking_neuron: class of the neurons
    :param neuron_keywords: keywords of the neurons
    :param block_keywords: further keywords of the blocks, with those of the neurons

    :raises ValueError: (also an AssertionError) if ``num_classes`` is less than 1
    """

    def __init__(
        self,
        block: Any,
        layers: Sequence[int],
        num_classes: int,
        zero_init_residual: bool,
        groups: int,
        width_per_group: int,
        replace_stride_with_dilation: Sequence[bool] | None,
        norm_layer: Norm | None,
        spiking_neuron: Neuron | None,
        neuron_keywords: dict[str, Any],
        block_keywords: dict[str, Any],
    ) -> None:
        super().__init__()
        check_positive_int(self, "num_classes", num_classes)
        make_neuron = neuron_maker(type(self).__name__, spiking_neuron, neuron_keywords)
        self._norm_layer: Norm = layer.BatchNorm2d if norm_layer is None else norm_layer
        self.inplanes = 64
        self.dilation = 1
        self.groups = groups
        self.base_width = width_per_group
        dilate = (False, False, False) if replace_stride_with_dilation is None else replace_stride_with_dilation
        if len(dilate) != 3:
            raise ValueError(f"replace_stride_with_dilation must be None or 3 truth values, but {dilate} was given.")
        self.conv1 = layer.Conv2d(3, self.inplanes, kernel_size=7, stride=2, padding=3, bias=False)
        self.bn1 = self._norm_layer(self.inplanes)
        self.sn1 = make_neuron()
        self.maxpool = layer.MaxPool2d(kernel_size=3, stride=2, padding=1)
        self.layer1 = self._make_layer(block, 64, layers[0], 1, False, **block_keywords)
        self.layer2 = self._make_layer(block, 128, layers[1], 2, dilate[0], **block_keywords)
        self.layer3 = self._make_layer(block, 256, layers[2], 2, dilate[1], **block_keywords)
        self.layer4 = self._make_layer(block, 512, layers[3], 2, dilate[2], **block_keywords)
        self.avgpool = layer.AdaptiveAvgPool2d((1, 1))
        self.fc = layer.Linear(512 * block.expansion, num_classes)
        _start_values(self, zero_init_residual)

    def _make_layer(
        self, block: Any, planes: int, blocks: int, stride: int = 1, dilate: bool = False, **block_keywords: Any
    ) -> nn.Sequential:
        dilation_before = self.dilation
        if dilate:
            self.dilation *= stride
            stride = 1
        downsample = None
        if stride != 1 or self.inplanes != planes * block.expansion:
            downsample = nn.Sequential(
                conv1x1(self.inplanes, planes * block.expansion, stride), self._norm_layer(planes * block.expansion)
            )
        stage = []
        for number in range(blocks):
            first = number == 0
            stage.append(
                block(
                    self.inplanes, planes, stride if first else 1, downsample if first else None, self.groups,
                    self.base_width, dilation_before if first else self.dilation, self._norm_layer, **block_keywords,
                )
            )  # fmt: skip
            self.inplanes = planes * block.expansion
        return nn.Sequential(*stage)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The output of the classifier at each time step."""
        return self._forward_impl(x)

    def _forward_impl(self, x: torch.Tensor) -> torch.Tensor:
        return self._from_currents(self.bn1(self.conv1(x)))

    def _from_currents(self, x: torch.Tensor) -> torch.Tensor:
        x = self.maxpool(self.sn1(x))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(self.avgpool(x).flatten(-3))


def build(
    network: type[ResNet],
    basic_block: Any,
    bottleneck: Any,
    name: str,
    pretrained: bool | str | os.PathLike[str],
    progress: bool,
    keywords: dict[str, Any],
) -> Any:
    """The network of :data:`SHAPES` that ``name`` names, as an instance of ``network``."""
    shape = SHAPES[name]
    keywords = {"groups": shape.groups, "width_per_group": shape.width_per_group, **keywords}
    net = network(bottleneck if shape.bottleneck else basic_block, shape.layers, **keywords)
    load_pretrained(net, pretrained, name, progress)
    return net


def _start_values(net: nn.Module, zero_init_residual: bool) -> None:
    for module in net.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        elif isinstance(module, nn.BatchNorm2d | nn.GroupNorm) and module.affine:
            nn.init.ones_(module.weight)
            nn.init.zeros_(module.bias)
    if zero_init_residual:
        for module in net.modules():
            last = getattr(module, "bn3", None) if hasattr(module, "conv3") else getattr(module, "bn2", None)
            if hasattr(module, "conv2") and last is not None:
                nn.init.zeros_(last.weight)
