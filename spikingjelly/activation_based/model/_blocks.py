"""The parts of the two kinds of residual blocks; what joins them with the shortcut is the network's own."""

from collections.abc import Callable

from torch import nn

from spikingjelly.activation_based import layer
from spikingjelly.activation_based.model._resnet import Norm, conv1x1, conv3x3

MakeNeuron = Callable[[], nn.Module]


class BasicParts(nn.Module):
    """Two 3x3 convolutions, each with normalisation and neurons.

    :param inplanes: channels of the input
    :param planes: channels of the output
    :param stride: of the first convolution
    :param downsample: convolution and normalisation of the shortcut; None for the input itself
    :param norm_layer: class of the normalisations; None for :class:`layer.BatchNorm2d`
    :param make_neuron: makes the neurons
    :raises ValueError: if ``groups`` isn't 1 or ``base_width`` isn't 64
    :raises NotImplementedError: if ``dilation`` isn't 1
    """

    expansion = 1

    def __init__(
        self,
        inplanes: int,
        planes: int,
        stride: int,
        downsample: nn.Module | None,
        groups: int,
        base_width: int,
        dilation: int,
        norm_layer: Norm | None,
        make_neuron: MakeNeuron,
    ) -> None:
        super().__init__()
        _check_plain(groups, base_width, dilation)
        norm = layer.BatchNorm2d if norm_layer is None else norm_layer
        self.conv1 = conv3x3(inplanes, planes, stride)
        self.bn1 = norm(planes)
        self.sn1 = make_neuron()
        self.conv2 = conv3x3(planes, planes)
        self.bn2 = norm(planes)
        self.sn2 = make_neuron()
        self.downsample = downsample
        self.stride = stride


class BottleneckParts(nn.Module):
    """Convolutions 1x1, 3x3 and 1x1, each with normalisation and neurons; ``4 planes`` channels in the end.

    The parameters are those of :class:`BasicParts`, with ``groups``, ``base_width`` and ``dilation`` of the 3x3
    convolution, which has the stride.
    """

    expansion = 4

    def __init__(
        self,
        inplanes: int,
        planes: int,
        stride: int,
        downsample: nn.Module | None,
        groups: int,
        base_width: int,
        dilation: int,
        norm_layer: Norm | None,
        make_neuron: MakeNeuron,
    ) -> None:
        super().__init__()
        norm = layer.BatchNorm2d if norm_layer is None else norm_layer
        width = int(planes * (base_width / 64.0)) * groups
        self.conv1 = conv1x1(inplanes, width)
        self.bn1 = norm(width)
        self.sn1 = make_neuron()
        self.conv2 = conv3x3(width, width, stride, groups, dilation)
        self.bn2 = norm(width)
        self.sn2 = make_neuron()
        self.conv3 = conv1x1(width, planes * self.expansion)
        self.bn3 = norm(planes * self.expansion)
        self.sn3 = make_neuron()
        self.downsample = downsample
        self.stride = stride


def _check_plain(groups: int, base_width: int, dilation: int) -> None:
    if groups != 1 or base_width != 64:
        raise ValueError(
            f"BasicBlock has groups=1 and base_width=64 only, but groups={groups} and base_width={base_width} were "
            "given. Use Bottleneck."
        )
    if dilation > 1:
        raise NotImplementedError(f"BasicBlock has no dilation, but dilation={dilation} was given. Use Bottleneck.")
