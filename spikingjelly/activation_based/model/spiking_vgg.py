"""Spiking VGGs: neurons in the place of the ReLUs.

Source: Simonyan and Zisserman, "Very Deep Convolutional Networks for Large-Scale Image Recognition", ICLR 2015. The
names of the parts are those of torchvision's VGG.
"""

import os
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import nn

from spikingjelly.activation_based import base, functional, layer
from spikingjelly.activation_based._checks import check_positive_int
from spikingjelly.activation_based.model._neurons import Neuron, neuron_maker
from spikingjelly.activation_based.model._pretrained import load_pretrained, urls

__all__ = [
    "SpikingVGG",
    "cfgs",
    "sequential_forward",
    "spiking_vgg11",
    "spiking_vgg11_bn",
    "spiking_vgg13",
    "spiking_vgg13_bn",
    "spiking_vgg16",
    "spiking_vgg16_bn",
    "spiking_vgg19",
    "spiking_vgg19_bn",
]

model_urls = urls("vgg")


def _stages(*convolutions: int) -> list[int | str]:
    parts: list[int | str] = []
    for channels, number in zip((64, 128, 256, 512, 512), convolutions, strict=True):
        parts += [channels] * number
        parts.append("M")
    return parts


# configuration of the paper -> channels of its convolutions, "M" for a pooling
cfgs: dict[str, list[int | str]] = {
    "A": _stages(1, 1, 2, 2, 2),
    "B": _stages(2, 2, 2, 2, 2),
    "D": _stages(2, 2, 3, 3, 3),
    "E": _stages(2, 2, 4, 4, 4),
}
_CONFIGURATION = {"vgg11": "A", "vgg13": "B", "vgg16": "D", "vgg19": "E"}


def sequential_forward(sequential: nn.Sequential, x_seq: torch.Tensor) -> torch.Tensor:
    """A sequence ``[T, N, *]`` through ``sequential``, whose modules without step modes see all steps as one batch."""
    for module in sequential:
        has_modes = isinstance(module, base.StepModule)
        x_seq = module(x_seq) if has_modes else functional.seq_to_ann_forward(x_seq, module)
    return x_seq


class SpikingVGG(nn.Module):
    """A VGG: images ``[N, 3, H, W]`` (or ``[T, N, 3, H, W]`` in step mode 'm') to ``[N, num_classes]``.

    :param cfg: channels of the convolutions, 'M' for a maximum pooling, as in :data:`cfgs`
    :param batch_norm: whether a normalisation follows each convolution
    :param norm_layer: its class; None for :class:`layer.BatchNorm2d`
    :param num_classes: number of classes
    :param init_weights: whether the weights start as in torchvision, and not as PyTorch's layers do
    :param spiking_neuron: class of the neurons, for example ``neuron.IFNode``
    :param kwargs: keywords of the neurons, for example ``surrogate_function=surrogate.ATan(), detach_reset=True``

    :raises TypeError: if ``spiking_neuron`` is no class of neurons
    :raises ValueError: (also an AssertionError) if ``num_classes`` is less than 1
    """

    def __init__(
        self,
        cfg: Sequence[int | str],
        batch_norm: bool = False,
        norm_layer: Callable[[int], nn.Module] | None = None,
        num_classes: int = 1000,
        init_weights: bool = True,
        spiking_neuron: Neuron | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__()
        check_positive_int(self, "num_classes", num_classes)
        make_neuron = neuron_maker("SpikingVGG", spiking_neuron, kwargs)
        self.features = self.make_layers(cfg, batch_norm, norm_layer, spiking_neuron, **kwargs)
        self.avgpool = layer.AdaptiveAvgPool2d((7, 7))
        self.classifier = nn.Sequential(
            layer.Linear(512 * 7 * 7, 4096),
            make_neuron(),
            layer.Dropout(),
            layer.Linear(4096, 4096),
            make_neuron(),
            layer.Dropout(),
            layer.Linear(4096, num_classes),
        )
        if init_weights:
            start_values(self)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The output of the classifier at each time step."""
        return self.classifier(self.avgpool(self.features(x)).flatten(-3))

    @staticmethod
    def make_layers(
        cfg: Sequence[int | str],
        batch_norm: bool = False,
        norm_layer: Callable[[int], nn.Module] | None = None,
        neuron: Neuron | None = None,
        **kwargs: Any,
    ) -> nn.Sequential:
        """The convolutions and poolings of ``cfg``; the parameters are those of the class, ``neuron`` that of the
        neurons."""
        make_neuron = neuron_maker("SpikingVGG", neuron, kwargs)
        norm = norm_layer or layer.BatchNorm2d
        parts: list[nn.Module] = []
        channels = 3
        for entry in cfg:
            if entry == "M":
                parts.append(layer.MaxPool2d(kernel_size=2, stride=2))
                continue
            out_channels = int(entry)
            parts.append(layer.Conv2d(channels, out_channels, kernel_size=3, padding=1))
            if batch_norm:
                parts.append(norm(out_channels))
            parts.append(make_neuron())
            channels = out_channels
        return nn.Sequential(*parts)


def start_values(net: nn.Module) -> None:
    """Give convolutions, normalisations and linear layers the start values of torchvision's VGG."""
    for module in net.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        elif isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, 0.0, 0.01)
        elif isinstance(module, nn.BatchNorm2d) and module.affine:
            nn.init.ones_(module.weight)
        else:
            continue
        if module.bias is not None:
            nn.init.zeros_(module.bias)


def build(
    network: type[SpikingVGG],
    name: str,
    pretrained: bool | str | os.PathLike[str],
    progress: bool,
    keywords: dict[str, Any],
) -> Any:
    """The VGG that ``name`` names, as an instance of ``network``."""
    shape, _, normalised = name.partition("_")
    net = network(cfgs[_CONFIGURATION[shape]], batch_norm=bool(normalised), **keywords)
    load_pretrained(net, pretrained, name, progress)
    return net


def _spiking_vgg(
    arch: str,
    cfg: str,
    batch_norm: bool,
    pretrained: bool | str | os.PathLike[str],
    progress: bool,
    norm_layer: Callable[..., nn.Module] | None = None,
    spiking_neuron: Neuron | None = None,
    **kwargs: Any,
) -> SpikingVGG:
    """The network of one of the :data:`cfgs`, for published code; ``arch`` names torchvision's weights."""
    net = SpikingVGG(cfgs[cfg], batch_norm, norm_layer, spiking_neuron=spiking_neuron, **kwargs)
    load_pretrained(net, pretrained, arch, progress)
    return net


def _network(
    name: str, pretrained: bool | str | os.PathLike[str], progress: bool, keywords: dict[str, Any]
) -> SpikingVGG:
    return build(SpikingVGG, name, pretrained, progress, keywords)


def spiking_vgg11(
    pretrained: bool | str | os.PathLike[str] = False,
    progress: bool = True,
    spiking_neuron: Neuron | None = None,
    **kwargs: Any,
) -> SpikingVGG:
    """The spiking VGG-11; the parameters are those of :class:`SpikingVGG`, and

    :param pretrained: path of a file with a state dict; True for torchvision's weights of the network without spikes
    :param progress: whether their download shows a bar
    """
    return _network("vgg11", pretrained, progress, {"spiking_neuron": spiking_neuron, **kwargs})


def spiking_vgg11_bn(
    pretrained: bool | str | os.PathLike[str] = False,
    progress: bool = True,
    norm_layer: Callable[[int], nn.Module] | None = None,
    spiking_neuron: Neuron | None = None,
    **kwargs: Any,
) -> SpikingVGG:
    """The spiking VGG-11 with normalisation; the parameters are those of :func:`spiking_vgg11`."""
    keywords = {"norm_layer": norm_layer, "spiking_neuron": spiking_neuron, **kwargs}
    return _network("vgg11_bn", pretrained, progress, keywords)


def spiking_vgg13(
    pretrained: bool | str | os.PathLike[str] = False,
    progress: bool = True,
    spiking_neuron: Neuron | None = None,
    **kwargs: Any,
) -> SpikingVGG:
    """The spiking VGG-13, with the parameters of :func:`spiking_vgg11`."""
    return _network("vgg13", pretrained, progress, {"spiking_neuron": spiking_neuron, **kwargs})


def spiking_vgg13_bn(
    pretrained: bool | str | os.PathLike[str] = False,
    progress: bool = True,
    norm_layer: Callable[[int], nn.Module] | None = None,
    spiking_neuron: Neuron | None = None,
    **kwargs: Any,
) -> SpikingVGG:
    """The spiking VGG-13 with normalisation; the parameters are those of :func:`spiking_vgg13`."""
    keywords = {"norm_layer": norm_layer, "spiking_neuron": spiking_neuron, **kwargs}
    return _network("vgg13_bn", pretrained, progress, keywords)


def spiking_vgg16(
    pretrained: bool | str | os.PathLike[str] = False,
    progress: bool = True,
    spiking_neuron: Neuron | None = None,
    **kwargs: Any,
) -> SpikingVGG:
    """The spiking VGG-16, with the parameters of :func:`spiking_vgg11`."""
    return _network("vgg16", pretrained, progress, {"spiking_neuron": spiking_neuron, **kwargs})


def spiking_vgg16_bn(
    pretrained: bool | str | os.PathLike[str] = False,
    progress: bool = True,
    norm_layer: Callable[[int], nn.Module] | None = None,
    spiking_neuron: Neuron | None = None,
    **kwargs: Any,
) -> SpikingVGG:
    """The spiking VGG-16 with normalisation; the parameters are those of :func:`spiking_vgg16`."""
    keywords = {"norm_layer": norm_layer, "spiking_neuron": spiking_neuron, **kwargs}
    return _network("vgg16_bn", pretrained, progress, keywords)


def spiking_vgg19(
    pretrained: bool | str | os.PathLike[str] = False,
    progress: bool = True,
    spiking_neuron: Neuron | None = None,
    **kwargs: Any,
) -> SpikingVGG:
    """The spiking VGG-19, with the parameters of :func:`spiking_vgg11`."""
    return _network("vgg19", pretrained, progress, {"spiking_neuron": spiking_neuron, **kwargs})


def spiking_vgg19_bn(
    pretrained: bool | str | os.PathLike[str] = False,
    progress: bool = True,
    norm_layer: Callable[[int], nn.Module] | None = None,
    spiking_neuron: Neuron | None = None,
    **kwargs: Any,
) -> SpikingVGG:
    """The spiking VGG-19 with normalisation; the parameters are those of :func:`spiking_vgg19`."""
    keywords = {"norm_layer": norm_layer, "spiking_neuron": spiking_neuron, **kwargs}
    return _network("vgg19_bn", pretrained, progress, keywords)
