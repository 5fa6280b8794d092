"""Spiking ResNets: the residual blocks of a ResNet with neurons in the place of the ReLUs, the last after the sum.

Source: He et al., "Deep Residual Learning for Image Recognition", CVPR 2016, as Fang et al., "Deep Residual Learning in
Spiking Neural Networks", NeurIPS 2021, compares it. The names of the parts are those of torchvision's ResNet; the
neurons are ``sn1``, ``sn2`` and ``sn3``.
"""

import os
from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from spikingjelly.activation_based.model._blocks import BasicParts, BottleneckParts, Convolutions
from spikingjelly.activation_based.model._neurons import Neuron, neuron_maker
from spikingjelly.activation_based.model._pretrained import load_pretrained, urls
from spikingjelly.activation_based.model._resnet import Norm, ResNet, build, conv1x1, conv3x3

__all__ = [
    "BasicBlock",
    "Bottleneck",
    "SpikingResNet",
    "conv1x1",
    "conv3x3",
    "spiking_resnet18",
    "spiking_resnet34",
    "spiking_resnet50",
    "spiking_resnet101",
    "spiking_resnet152",
    "spiking_resnext50_32x4d",
    "spiking_resnext101_32x8d",
    "spiking_wide_resnet50_2",
    "spiking_wide_resnet101_2",
]

model_urls = urls("res")


class _Block(nn.Module):
    """The first base of a block whose second base has the parts."""

    def __init__(
        self,
        inplanes: int,
        planes: int,
        stride: int = 1,
        downsample: nn.Module | None = None,
        groups: int = 1,
        base_width: int = 64,
        dilation: int = 1,
        norm_layer: Norm | None = None,
        spiking_neuron: Neuron | None = None,
        **kwargs: Any,
    ) -> None:
        make_neuron = neuron_maker(type(self).__name__, spiking_neuron, kwargs)
        plan = Convolutions(inplanes, planes, stride, groups, base_width, dilation)
        super().__init__(plan, downsample, norm_layer, make_neuron)


class BasicBlock(_Block, BasicParts):
    """Two 3x3 convolutions with normalisation; neurons after the first, and after the sum with the shortcut.

    :param inplanes: channels of the input
    :param planes: channels of the output
    :param stride: of the first convolution
    :param downsample: convolution and normalisation of the shortcut; None for the input itself
    :param spiking_neuron: class of the neurons
    :param kwargs: keywords of the neurons
    """

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Spikes ``[N, C, H, W]`` or ``[T, N, C, H, W]``."""
        out = self.bn2(self.conv2(self.sn1(self.bn1(self.conv1(x)))))
        return self.sn2(out + (x if self.downsample is None else self.downsample(x)))


class Bottleneck(_Block, BottleneckParts):
    """1x1, 3x3 and 1x1 convolution with normalisation; neurons after the first two, and after the sum.

    The parameters are those of :class:`BasicBlock`, with ``groups``, ``base_width`` and ``dilation`` of the 3x3
    convolution. The output has ``4 planes`` channels.
    """

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Spikes ``[N, C, H, W]`` or ``[T, N, C, H, W]``."""
        out = self.sn1(self.bn1(self.conv1(x)))
        out = self.sn2(self.bn2(self.conv2(out)))
        out = self.bn3(self.conv3(out))
        return self.sn3(out + (x if self.downsample is None else self.downsample(x)))


class SpikingResNet(ResNet):
    """A ResNet with neurons: images ``[N, 3, H, W]`` (or ``[T, N, 3, H, W]`` in step mode 'm') to ``[N, num_classes]``.

    :param block: :class:`BasicBlock`, :class:`Bottleneck` or a class that takes the same arguments
    :param layers: number of blocks in each of the four stages
    :param num_classes: number of classes
    :param zero_init_residual: whether the last normalisation of each block starts with weight 0
    :param groups: groups of the 3x3 convolutions of bottlenecks
    :param width_per_group: their width
    :param replace_stride_with_dilation: for the last three stages, whether a dilation takes the place of the stride
    :param norm_layer: class of the normalisations; None for :class:`layer.BatchNorm2d`
    :param spiking_neuron: class of the neurons, for example ``neuron.IFNode``
    :param kwargs: keywords of the neurons, for example ``surrogate_function=surrogate.ATan(), detach_reset=True``

    :raises TypeError: if ``spiking_neuron`` is no class of neurons
    :raises ValueError: (also an AssertionError) if ``num_classes`` is less than 1
    """

    def __init__(
        self,
        block: Any,
        layers: Sequence[int],
        num_classes: int = 1000,
        zero_init_residual: bool = False,
        groups: int = 1,
        width_per_group: int = 64,
        replace_stride_with_dilation: Sequence[bool] | None = None,
        norm_layer: Norm | None = None,
        spiking_neuron: Neuron | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            block, layers, num_classes, zero_init_residual, groups, width_per_group, replace_stride_with_dilation,
            norm_layer, spiking_neuron, kwargs, {"spiking_neuron": spiking_neuron, **kwargs},
        )  # fmt: skip


def _spiking_resnet(
    arch: str,
    block: Any,
    layers: Sequence[int],
    pretrained: bool | str | os.PathLike[str],
    progress: bool,
    spiking_neuron: Neuron | None,
    **kwargs: Any,
) -> SpikingResNet:
    """The network of any blocks and layers, for published code; ``arch`` names torchvision's weights."""
    net = SpikingResNet(block, layers, spiking_neuron=spiking_neuron, **kwargs)
    load_pretrained(net, pretrained, arch, progress)
    return net


def _network(
    name: str,
    pretrained: bool | str | os.PathLike[str],
    progress: bool,
    spiking_neuron: Neuron | None,
    keywords: dict[str, Any],
) -> SpikingResNet:
    keywords = {"spiking_neuron": spiking_neuron, **keywords}
    return build(SpikingResNet, BasicBlock, Bottleneck, name, pretrained, progress, keywords)


def spiking_resnet18(
    pretrained: bool | str | os.PathLike[str] = False,
    progress: bool = True,
    spiking_neuron: Neuron | None = None,
    **kwargs: Any,
) -> SpikingResNet:
    """The spiking ResNet-18; the parameters are those of :class:`SpikingResNet`, and

    :param pretrained: path of a file with a state dict; True for torchvision's weights of the network without spikes
    :param progress: whether their download shows a bar
    """
    return _network("resnet18", pretrained, progress, spiking_neuron, kwargs)


def spiking_resnet34(
    pretrained: bool | str | os.PathLike[str] = False,
    progress: bool = True,
    spiking_neuron: Neuron | None = None,
    **kwargs: Any,
) -> SpikingResNet:
    """The spiking ResNet-34, with the parameters of :func:`spiking_resnet18`."""
    return _network("resnet34", pretrained, progress, spiking_neuron, kwargs)


def spiking_resnet50(
    pretrained: bool | str | os.PathLike[str] = False,
    progress: bool = True,
    spiking_neuron: Neuron | None = None,
    **kwargs: Any,
) -> SpikingResNet:
    """The spiking ResNet-50, with the parameters of :func:`spiking_resnet18`."""
    return _network("resnet50", pretrained, progress, spiking_neuron, kwargs)


def spiking_resnet101(
    pretrained: bool | str | os.PathLike[str] = False,
    progress: bool = True,
    spiking_neuron: Neuron | None = None,
    **kwargs: Any,
) -> SpikingResNet:
    """The spiking ResNet-101, with the parameters of :func:`spiking_resnet18`."""
    return _network("resnet101", pretrained, progress, spiking_neuron, kwargs)


def spiking_resnet152(
    pretrained: bool | str | os.PathLike[str] = False,
    progress: bool = True,
    spiking_neuron: Neuron | None = None,
    **kwargs: Any,
) -> SpikingResNet:
    """The spiking ResNet-152, with the parameters of :func:`spiking_resnet18`."""
    return _network("resnet152", pretrained, progress, spiking_neuron, kwargs)


def spiking_resnext50_32x4d(
    pretrained: bool | str | os.PathLike[str] = False,
    progress: bool = True,
    spiking_neuron: Neuron | None = None,
    **kwargs: Any,
) -> SpikingResNet:
    """The spiking ResNeXt-50 32x4d, with the parameters of :func:`spiking_resnet18`."""
    return _network("resnext50_32x4d", pretrained, progress, spiking_neuron, kwargs)


def spiking_resnext101_32x8d(
    pretrained: bool | str | os.PathLike[str] = False,
    progress: bool = True,
    spiking_neuron: Neuron | None = None,
    **kwargs: Any,
) -> SpikingResNet:
    """The spiking ResNeXt-101 32x8d, with the parameters of :func:`spiking_resnet18`."""
    return _network("resnext101_32x8d", pretrained, progress, spiking_neuron, kwargs)


def spiking_wide_resnet50_2(
    pretrained: bool | str | os.PathLike[str] = False,
    progress: bool = True,
    spiking_neuron: Neuron | None = None,
    **kwargs: Any,
) -> SpikingResNet:
    """The spiking Wide ResNet-50-2, with the parameters of :func:`spiking_resnet18`."""
    return _network("wide_resnet50_2", pretrained, progress, spiking_neuron, kwargs)


def spiking_wide_resnet101_2(
    pretrained: bool | str | os.PathLike[str] = False,
    progress: bool = True,
    spiking_neuron: Neuron | None = None,
    **kwargs: Any,
) -> SpikingResNet:
    """The spiking Wide ResNet-101-2, with the parameters of :func:`spiking_resnet18`."""
    return _network("wide_resnet101_2", pretrained, progress, spiking_neuron, kwargs)
