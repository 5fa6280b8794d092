"""The parts of the two kinds of residual blocks; what joins them with the shortcut is the network's own."""

from collections.abc import Callable
from typing import NamedTuple

from torch import nn

from spikingjelly.activation_based import layer
from spikingjelly.activation_based.model._resnet import Norm, conv1x1, conv3x3

MakeNeuron = Callable[[], nn.Module]


class Convolutions(NamedTuple):
    """What the convolutions of a block are like, as torchvision's blocks name it.

    :param inplanes: channels of the input
    :param planes: channels of the output of a basic block; a quarter of them in a bottleneck
    :param stride: of the convolution that has one
    :param groups: of the 3x3 convolution of a bottleneck
    :param base_width: its channels for ``planes=64``
    :param dilation: its dilation
    """

    inplanes: int
    planes: int
    stride: int
    groups: int
    base_width: int
    dilation: int


class BasicParts(nn.Module):
    """Two 3x3 convolutions, each with normalisation and neurons; the first has the stride.

    :param plan: of the convolutions
    :param downsample: convolution and normalisation of the shortcut; None for the input itself
    :param norm_layer: class of the normalisations; None for :class:`layer.BatchNorm2d`
    :param make_neuron: makes the neurons
    :raises ValueError: if ``groups`` isn't 1 or ``base_width`` isn't 64
    :raises NotImplementedError: if ``dilation`` isn't 1
    """

    expansion = 1

    def __init__(
        self, plan: Convolutions, downsample: nn.Module | None, norm_layer: Norm | None, make_neuron: MakeNeuron
    ) -> None:
        super().__init__()
        _check_plain(plan)
        norm = layer.BatchNorm2d if norm_layer is None else norm_layer
        self.conv1 = conv3x3(plan.inplanes, plan.planes, plan.stride)
        self.bn1 = norm(plan.planes)
        self.sn1 = make_neuron()
        self.conv2 = conv3x3(plan.planes, plan.planes)
        self.bn2 = norm(plan.planes)
        self.sn2 = make_neuron()
        self.downsample = downsample
        self.stride = plan.stride


class BottleneckParts(nn.Module):
    """Convolutions 1x1, 3x3 and 1x1, each with normalisation and neurons; ``4 planes`` channels in the end.

    The parameters are those of :class:`BasicParts`; the 3x3 convolution has the stride.
    """

    expansion = 4

    def __init__(
        self, plan: Convolutions, downsample: nn.Module | None, norm_layer: Norm | None, make_neuron: MakeNeuron
    ) -> None:
        super().__init__()
        norm = layer.BatchNorm2d if norm_layer is None else norm_layer
        width = int(plan.planes * (plan.base_width / 64.0)) * plan.groups
        channels = plan.planes * self.expansion
        self.conv1 = conv1x1(plan.inplanes, width)
        self.bn1 = norm(width)
        self.sn1 = make_neuron()
        self.conv2 = conv3x3(width, width, plan.stride, plan.groups, plan.dilation)
        self.bn2 = norm(width)
        self.sn2 = make_neuron()
        self.conv3 = conv1x1(width, channels)
        self.bn3 = norm(channels)
        self.sn3 = make_neuron()
        self.downsample = downsample
        self.stride = plan.stride


def _check_plain(plan: Convolutions) -> None:
    if plan.groups != 1 or plan.base_width != 64:
        raise ValueError(
            f"BasicBlock has groups=1 and base_width=64 only, but groups={plan.groups} and "
            f"base_width={plan.base_width} were given. Use Bottleneck."
        )
    if plan.dilation > 1:
        raise NotImplementedError(
            f"BasicBlock has no dilation, but dilation={plan.dilation} was given. Use Bottleneck."
        )
