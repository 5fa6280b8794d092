"""SEW ResNets: residual blocks whose shortcut joins spikes with spikes, element by element.

Source: Fang et al., "Deep Residual Learning in Spiking Neural Networks", NeurIPS 2021. The names of the parts are
those of torchvision's ResNet; the neurons are ``sn1``, ``sn2``, ``sn3`` and ``downsample_sn``.
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
    "SEWResNet",
    "conv1x1",
    "conv3x3",
    "sew_function",
    "sew_resnet18",
    "sew_resnet34",
    "sew_resnet50",
    "sew_resnet101",
    "sew_resnet152",
    "sew_resnext50_32x4d",
    "sew_resnext101_32x8d",
    "sew_wide_resnet50_2",
    "sew_wide_resnet101_2",
]

model_urls = urls("res")

_JOINS = ("ADD", "AND", "IAND")


def sew_function(x: torch.Tensor, y: torch.Tensor, cnf: str) -> torch.Tensor:
    """Join two tensors of spikes of one shape.

    ======  ===========
    cnf     result
    ======  ===========
    ADD     x + y
    AND     x y
    IAND    x (1 - y)
    ======  ===========

    :raises ValueError: (also a NotImplementedError) for another ``cnf``
    """
    check_join(cnf)
    if cnf == "ADD":
        return x + y
    return x * y if cnf == "AND" else x * (1.0 - y)


class UnknownJoinError(ValueError, NotImplementedError):
    """No function of this name joins spikes."""


def check_join(cnf: Any) -> None:
    """``cnf`` must name one of the functions that join spikes."""
    if cnf not in _JOINS:
        raise UnknownJoinError(f"cnf must be one of {', '.join(map(repr, _JOINS))}, but {cnf!r} was given.")


class _Block(nn.Module):
    """The first base of a block whose second base has the parts; the shortcut has neurons where it is not the input."""

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
        cnf: str | None = None,
        spiking_neuron: Neuron | None = None,
        **kwargs: Any,
    ) -> None:
        check_join(cnf)
        make_neuron = neuron_maker(type(self).__name__, spiking_neuron, kwargs)
        plan = Convolutions(inplanes, planes, stride, groups, base_width, dilation)
        super().__init__(plan, downsample, norm_layer, make_neuron)
        self.cnf = str(cnf)
        if downsample is not None:
            self.downsample_sn = make_neuron()

    def extra_repr(self) -> str:
        return f"cnf={self.cnf}"


class BasicBlock(_Block, BasicParts):
    """Two 3x3 convolutions, each with normalisation and neurons, joined with the shortcut: ``cnf(shortcut, out)``.

    :param inplanes: channels of the input
    :param planes: channels of the output
    :param stride: of the first convolution
    :param downsample: convolution and normalisation of the shortcut, which get neurons of their own; None for the
        input itself
    :param cnf: 'ADD', 'AND' or 'IAND', see :func:`sew_function`
    :param spiking_neuron: class of the neurons
    :param kwargs: keywords of the neurons
    """

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Spikes ``[N, C, H, W]`` or ``[T, N, C, H, W]``; sums of spikes with 'ADD'."""
        out = self.sn1(self.bn1(self.conv1(x)))
        out = self.sn2(self.bn2(self.conv2(out)))
        shortcut = x if self.downsample is None else self.downsample_sn(self.downsample(x))
        return sew_function(shortcut, out, self.cnf)


class Bottleneck(_Block, BottleneckParts):
    """Convolutions 1x1, 3x3 and 1x1 with normalisation and neurons, joined with the shortcut: ``cnf(out, shortcut)``.

    The parameters are those of :class:`BasicBlock`, with ``groups``, ``base_width`` and ``dilation`` of the 3x3
    convolution. The output has ``4 planes`` channels.
    """

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Spikes ``[N, C, H, W]`` or ``[T, N, C, H, W]``; sums of spikes with 'ADD'."""
        out = self.sn1(self.bn1(self.conv1(x)))
        out = self.sn2(self.bn2(self.conv2(out)))
        out = self.sn3(self.bn3(self.conv3(out)))
        shortcut = x if self.downsample is None else self.downsample_sn(self.downsample(x))
        return self._join(out, shortcut)

    def _join(self, out: torch.Tensor, shortcut: torch.Tensor) -> torch.Tensor:
        return sew_function(out, shortcut, self.cnf)


class SEWResNet(ResNet):
    """A ResNet of SEW blocks: ``[N, 3, H, W]`` (or ``[T, N, 3, H, W]`` in step mode 'm') to ``[N, num_classes]``.

    :param block: :class:`BasicBlock`, :class:`Bottleneck` or a class that takes the same arguments
    :param layers: number of blocks in each of the four stages
    :param num_classes: number of classes
    :param zero_init_residual: whether the last normalisation of each block starts with weight 0
    :param groups: groups of the 3x3 convolutions of bottlenecks
    :param width_per_group: their width
    :param replace_stride_with_dilation: for the last three stages, whether a dilation takes the place of the stride
    :param norm_layer: class of the normalisations; None for :class:`layer.BatchNorm2d`
    :param cnf: 'ADD', 'AND' or 'IAND', see :func:`sew_function`
    :param spiking_neuron: class of the neurons, for example ``neuron.IFNode``
    :param kwargs: keywords of the neurons, for example ``surrogate_function=surrogate.ATan(), detach_reset=True``

    :raises TypeError: if ``spiking_neuron`` is no class of neurons
    :raises ValueError: (also a NotImplementedError) for another ``cnf``
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
        cnf: str | None = None,
        spiking_neuron: Neuron | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            block, layers, num_classes, zero_init_residual, groups, width_per_group, replace_stride_with_dilation,
            norm_layer, spiking_neuron, kwargs, {"cnf": cnf, "spiking_neuron": spiking_neuron, **kwargs},
        )  # fmt: skip


def _sew_resnet(
    arch: str,
    block: Any,
    layers: Sequence[int],
    pretrained: bool | str | os.PathLike[str],
    progress: bool,
    cnf: str | None,
    spiking_neuron: Neuron | None,
    **kwargs: Any,
) -> SEWResNet:
    """The network of any blocks and layers, for published code; ``arch`` names torchvision's weights."""
    net = SEWResNet(block, layers, cnf=cnf, spiking_neuron=spiking_neuron, **kwargs)
    load_pretrained(net, pretrained, arch, progress)
    return net


def _network(
    name: str,
    pretrained: bool | str | os.PathLike[str],
    progress: bool,
    cnf: str | None,
    spiking_neuron: Neuron | None,
    keywords: dict[str, Any],
) -> SEWResNet:
    keywords = {"cnf": cnf, "spiking_neuron": spiking_neuron, **keywords}
    return build(SEWResNet, BasicBlock, Bottleneck, name, pretrained, progress, keywords)


def sew_resnet18(
    pretrained: bool | str | os.PathLike[str] = False,
    progress: bool = True,
    cnf: str | None = None,
    spiking_neuron: Neuron | None = None,
    **kwargs: Any,
) -> SEWResNet:
    """The SEW ResNet-18; the parameters are those of :class:`SEWResNet`, and

    :param pretrained: path of a file with a state dict; True for torchvision's weights of the network without spikes
    :param progress: whether their download shows a bar
    """
    return _network("resnet18", pretrained, progress, cnf, spiking_neuron, kwargs)


def sew_resnet34(
    pretrained: bool | str | os.PathLike[str] = False,
    progress: bool = True,
    cnf: str | None = None,
    spiking_neuron: Neuron | None = None,
    **kwargs: Any,
) -> SEWResNet:
    """The SEW ResNet-34, with the parameters of :func:`sew_resnet18`."""
    return _network("resnet34", pretrained, progress, cnf, spiking_neuron, kwargs)


def sew_resnet50(
    pretrained: bool | str | os.PathLike[str] = False,
    progress: bool = True,
    cnf: str | None = None,
    spiking_neuron: Neuron | None = None,
    **kwargs: Any,
) -> SEWResNet:
    """The SEW ResNet-50, with the parameters of :func:`sew_resnet18`."""
    return _network("resnet50", pretrained, progress, cnf, spiking_neuron, kwargs)


def sew_resnet101(
    pretrained: bool | str | os.PathLike[str] = False,
    progress: bool = True,
    cnf: str | None = None,
    spiking_neuron: Neuron | None = None,
    **kwargs: Any,
) -> SEWResNet:
    """The SEW ResNet-101, with the parameters of :func:`sew_resnet18`."""
    return _network("resnet101", pretrained, progress, cnf, spiking_neuron, kwargs)


def sew_resnet152(
    pretrained: bool | str | os.PathLike[str] = False,
    progress: bool = True,
    cnf: str | None = None,
    spiking_neuron: Neuron | None = None,
    **kwargs: Any,
) -> SEWResNet:
    """The SEW ResNet-152, with the parameters of :func:`sew_resnet18`."""
    return _network("resnet152", pretrained, progress, cnf, spiking_neuron, kwargs)


def sew_resnext50_32x4d(
    pretrained: bool | str | os.PathLike[str] = False,
    progress: bool = True,
    cnf: str | None = None,
    spiking_neuron: Neuron | None = None,
    **kwargs: Any,
) -> SEWResNet:
    """The SEW ResNeXt-50 32x4d, with the parameters of :func:`sew_resnet18`."""
    return _network("resnext50_32x4d", pretrained, progress, cnf, spiking_neuron, kwargs)


def sew_resnext101_32x8d(
    pretrained: bool | str | os.PathLike[str] = False,
    progress: bool = True,
    cnf: str | None = None,
    spiking_neuron: Neuron | None = None,
    **kwargs: Any,
) -> SEWResNet:
    """The SEW ResNeXt-101 32x8d, with the parameters of :func:`sew_resnet18`."""
    return _network("resnext101_32x8d", pretrained, progress, cnf, spiking_neuron, kwargs)


def sew_wide_resnet50_2(
    pretrained: bool | str | os.PathLike[str] = False,
    progress: bool = True,
    cnf: str | None = None,
    spiking_neuron: Neuron | None = None,
    **kwargs: Any,
) -> SEWResNet:
    """The SEW Wide ResNet-50-2, with the parameters of :func:`sew_resnet18`."""
    return _network("wide_resnet50_2", pretrained, progress, cnf, spiking_neuron, kwargs)


def sew_wide_resnet101_2(
    pretrained: bool | str | os.PathLike[str] = False,
    progress: bool = True,
    cnf: str | None = None,
    spiking_neuron: Neuron | None = None,
    **kwargs: Any,
) -> SEWResNet:
    """The SEW Wide ResNet-101-2, with the parameters of :func:`sew_resnet18`."""
    return _network("wide_resnet101_2", pretrained, progress, cnf, spiking_neuron, kwargs)
