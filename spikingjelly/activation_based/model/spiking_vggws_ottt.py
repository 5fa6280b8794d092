"""VGGs without batch normalisation that are trained online: spikes of OTTT neurons, scaled standardised weights.

Source: Xiao et al., "Online Training Through Time for Spiking Neural Networks", NeurIPS 2022.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from spikingjelly.activation_based import layer, neuron
from spikingjelly.activation_based._checks import (
    ArgumentValueError,
    check_number,
    check_positive_int,
    check_probability,
    describe,
)
from spikingjelly.activation_based.model._neurons import Neuron, neuron_maker
from spikingjelly.activation_based.model.spiking_vgg import cfgs as _published

__all__ = [
    "OTTTSpikingVGG",
    "Scale",
    "cfgs",
    "ottt_spiking_vgg11",
    "ottt_spiking_vgg11_ws",
    "ottt_spiking_vgg13",
    "ottt_spiking_vgg13_ws",
    "ottt_spiking_vgg16",
    "ottt_spiking_vgg16_ws",
    "ottt_spiking_vgg19",
    "ottt_spiking_vgg19_ws",
    "ottt_spiking_vggws",
]

# configuration -> channels of its convolutions, "M" for a maximum pooling, "A" for an average pooling; "S" is the
# network of the paper
cfgs: dict[str, list[int | str]] = {**_published, "S": [64, 128, "A", 256, 256, "A", 512, 512, "A", 512, 512]}

# 1 / standard deviation of the spike of a neuron with threshold 1 and an input from N(0, 1): standardised weights
# then keep the variance from layer to layer
_SCALE_OF_SPIKES = 2.74


class Scale(nn.Module):
    r"""Multiplies by a constant: :math:`Y = s X`.

    :param scale: :math:`s`

    :raises TypeError: (also an AssertionError) if ``scale`` is no number
    """

    def __init__(self, scale: float) -> None:
        super().__init__()
        self.scale = check_number(self, "scale", scale)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * self.scale

    def extra_repr(self) -> str:
        return f"scale={self.scale}"


class OTTTSpikingVGG(nn.Module):
    """A VGG for online training, one time step ``[N, 3, H, W]`` to ``[N, num_classes]`` per call: only step mode 's'.

    In training each call is followed by ``backward()``, as :func:`functional.ottt_online_training` does.

    :param cfg: channels of the convolutions, 'M' for a maximum and 'A' for an average pooling, as in :data:`cfgs`
    :param weight_standardization: whether weights are standardised, and spikes scaled by 2.74
    :param num_classes: number of classes
    :param init_weights: whether the weights are drawn from :func:`torch.nn.init.kaiming_normal_`, and not as PyTorch's
        layers do
    :param spiking_neuron: class of the neurons, for example ``neuron.OTTTLIFNode``
    :param light_classifier: whether one linear layer follows the mean over places, and not three as in the VGG's paper
    :param drop_rate: probability to drop a spike behind each convolution
    :param kwargs: keywords of the neurons

    :raises TypeError: if ``spiking_neuron`` is no class of neurons
    :raises ValueError: (also an AssertionError) for ``cfg`` without convolution, a ``drop_rate`` that is no
        probability, or ``num_classes`` less than 1
    """

    def __init__(
        self,
        cfg: Sequence[int | str],
        weight_standardization: bool = True,
        num_classes: int = 1000,
        init_weights: bool = True,
        spiking_neuron: Neuron | None = None,
        light_classifier: bool = True,
        drop_rate: float = 0.0,
        **kwargs: Any,
    ) -> None:
        super().__init__()
        check_positive_int(self, "num_classes", num_classes)
        check_probability(self, drop_rate, below_one=True, name="drop_rate")
        channels = [entry for entry in cfg if not isinstance(entry, str)]
        if not channels:
            raise ArgumentValueError(f"OTTTSpikingVGG: cfg must have a convolution, but {describe(cfg)} was given.")
        make_neuron = neuron_maker("OTTTSpikingVGG", spiking_neuron, kwargs)

        def spikes() -> list[nn.Module]:
            return [make_neuron(), *([Scale(_SCALE_OF_SPIKES)] if weight_standardization else [])]

        self.fc_hw = 1 if light_classifier else 7
        self.features = _convolutions(cfg, weight_standardization, spikes, drop_rate)
        inputs = int(channels[-1]) * self.fc_hw**2
        linear = layer.WSLinear if weight_standardization else layer.Linear
        hidden: list[nn.Module] = []
        if not light_classifier:
            for _ in range(2):
                hidden += [linear(inputs, 4096), *spikes(), layer.Dropout(0.5)]
                inputs = 4096
        self.classifier = layer.OTTTSequential(
            layer.AdaptiveAvgPool2d((self.fc_hw, self.fc_hw)), layer.Flatten(), *hidden,
            layer.Linear(inputs, num_classes),
        )  # fmt: skip
        if init_weights:
            _start_values(self)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.classifier(self.features(x))


def _convolutions(cfg: Sequence[int | str], standardized: bool, spikes: Any, drop_rate: float) -> layer.OTTTSequential:
    convolution = layer.WSConv2d if standardized else layer.Conv2d
    pools = {"M": layer.MaxPool2d, "A": layer.AvgPool2d}
    parts: list[nn.Module] = []
    channels = 3
    for entry in cfg:
        if isinstance(entry, str):
            if entry not in pools:
                raise ArgumentValueError(
                    f"OTTTSpikingVGG: cfg must hold channels, 'M' and 'A' only, but {entry!r} was given."
                )
            parts.append(pools[entry](kernel_size=2, stride=2))
            continue
        parts += [convolution(channels, entry, kernel_size=3, padding=1), *spikes()]
        if drop_rate > 0:
            parts.append(layer.Dropout(drop_rate))
        channels = entry
    return layer.OTTTSequential(*parts)


def _start_values(net: nn.Module) -> None:
    for module in net.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        elif isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, 0.0, 0.01)
        else:
            continue
        if module.bias is not None:
            nn.init.zeros_(module.bias)


def _network(
    configuration: str, standardized: bool, spiking_neuron: Neuron, keywords: dict[str, Any]
) -> OTTTSpikingVGG:
    return OTTTSpikingVGG(
        cfgs[configuration], standardized, spiking_neuron=spiking_neuron,
        **{"light_classifier": configuration == "S", **keywords},
    )  # fmt: skip


def ottt_spiking_vggws(spiking_neuron: Neuron = neuron.OTTTLIFNode, **kwargs: Any) -> OTTTSpikingVGG:
    """The network of the paper, with standardised weights; the parameters are those of :class:`OTTTSpikingVGG`."""
    return _network("S", True, spiking_neuron, kwargs)


def ottt_spiking_vgg11(spiking_neuron: Neuron = neuron.OTTTLIFNode, **kwargs: Any) -> OTTTSpikingVGG:
    """The VGG-11 for online training, with the parameters of :class:`OTTTSpikingVGG` and three linear layers."""
    return _network("A", False, spiking_neuron, kwargs)


def ottt_spiking_vgg11_ws(spiking_neuron: Neuron = neuron.OTTTLIFNode, **kwargs: Any) -> OTTTSpikingVGG:
    """:func:`ottt_spiking_vgg11` with standardised weights."""
    return _network("A", True, spiking_neuron, kwargs)


def ottt_spiking_vgg13(spiking_neuron: Neuron = neuron.OTTTLIFNode, **kwargs: Any) -> OTTTSpikingVGG:
    """The VGG-13 for online training, with the parameters of :class:`OTTTSpikingVGG` and three linear layers."""
    return _network("B", False, spiking_neuron, kwargs)


def ottt_spiking_vgg13_ws(spiking_neuron: Neuron = neuron.OTTTLIFNode, **kwargs: Any) -> OTTTSpikingVGG:
    """:func:`ottt_spiking_vgg13` with standardised weights."""
    return _network("B", True, spiking_neuron, kwargs)


def ottt_spiking_vgg16(spiking_neuron: Neuron = neuron.OTTTLIFNode, **kwargs: Any) -> OTTTSpikingVGG:
    """The VGG-16 for online training, with the parameters of :class:`OTTTSpikingVGG` and three linear layers."""
    return _network("D", False, spiking_neuron, kwargs)


def ottt_spiking_vgg16_ws(spiking_neuron: Neuron = neuron.OTTTLIFNode, **kwargs: Any) -> OTTTSpikingVGG:
    """:func:`ottt_spiking_vgg16` with standardised weights."""
    return _network("D", True, spiking_neuron, kwargs)


def ottt_spiking_vgg19(spiking_neuron: Neuron = neuron.OTTTLIFNode, **kwargs: Any) -> OTTTSpikingVGG:
    """The VGG-19 for online training, with the parameters of :class:`OTTTSpikingVGG` and three linear layers."""
    return _network("E", False, spiking_neuron, kwargs)


def ottt_spiking_vgg19_ws(spiking_neuron: Neuron = neuron.OTTTLIFNode, **kwargs: Any) -> OTTTSpikingVGG:
    """:func:`ottt_spiking_vgg19` with standardised weights."""
    return _network("E", True, spiking_neuron, kwargs)
