"""MS-ResNet: a ResNet whose shortcuts join membranes, so that sums and not spikes go from block to block.

Source: Hu et al., "Advancing Spiking Neural Networks Toward Deep Residual Learning", IEEE Transactions on Neural
Networks and Learning Systems, 2024 (preprint 2021).
"""

import importlib
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import nn

from spikingjelly.activation_based import layer, surrogate
from spikingjelly.activation_based._checks import ArgumentValueError, check_positive_int, describe
from spikingjelly.activation_based._neuron_maker import Neuron, neuron_maker
from spikingjelly.activation_based.functional import set_step_mode
from spikingjelly.activation_based.model._image_network import ImageNetwork

_THRESHOLD = 0.5

__all__ = ["MSResNet", "ms_resnet18", "ms_resnet34", "ms_resnet104"]


class MSResNet(ImageNetwork):
    """MS-ResNet: the mean output of the classifier over time, ``[N, num_classes]``.

    In step mode 'm', in which it is made, the input is images ``[N, in_channels, H, W]``, which are repeated T times,
    or a sequence ``[T, N, in_channels, H, W]`` of any length. In 's' it is one time step ``[N, in_channels, H, W]``,
    and the output that of this step. Each stage halves the size of the image.

    :param T: number of time steps that an image is repeated
    :param in_channels: channels of the images
    :param num_classes: number of classes
    :param layers: number of blocks in each of three or four stages
    :param base_channels: channels behind the first convolution
    :param stem_kernel_size: odd size of the first convolution
    :param stem_stride: its stride
    :param stem_pool: whether a maximum pooling by 2 follows
    :param stage_channels: channels of each stage; None for ``base_channels`` times 1, 2, 4 and 8
    :param spiking_neuron: class of the neurons; None for the paper's LIF neurons, whose potential decays to a quarter
        in a time step and which don't decay their input: ``tau=4/3, decay_input=False, v_threshold=0.5,
        surrogate_function=surrogate.Rect(2.0), detach_reset=True``
    :param kwargs: keywords of the neurons

    :raises ValueError: (also an AssertionError) for sizes that do not fit
    :raises ValueError: for an input with another number of dimensions
    :raises TypeError: if ``spiking_neuron`` is no class of neurons
    """

    def __init__(
        self,
        T: int = 6,
        in_channels: int = 3,
        num_classes: int = 1000,
        layers: Sequence[int] = (2, 2, 2, 2),
        base_channels: int = 64,
        stem_kernel_size: int = 7,
        stem_stride: int = 2,
        stem_pool: bool = False,
        stage_channels: Sequence[int] | None = None,
        spiking_neuron: Neuron | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(T, in_channels, num_classes)
        check_positive_int(self, "base_channels", base_channels)
        channels = _channels_of_stages(layers, base_channels, stage_channels)
        make_neuron = neuron_maker(type(self).__name__, spiking_neuron, kwargs, **self._own_neuron())
        self.stem = _stem(in_channels, base_channels, stem_kernel_size, stem_stride, stem_pool)
        inputs = (base_channels, *channels)
        for number, blocks in enumerate(layers):
            stage = self._stage(number, inputs[number], channels[number], blocks, make_neuron)
            self.add_module(f"layer{number + 1}", stage)
        self.head_lif = make_neuron()
        self.avgpool = layer.AdaptiveAvgPool2d((1, 1))
        self.head = layer.Linear(channels[-1], num_classes)
        self._start_values()
        set_step_mode(self, kwargs.get("step_mode", "m"))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self._mean_over_time(self.head(self._features(x)))

    def _features(self, x: torch.Tensor) -> torch.Tensor:
        """Mean spikes of the last neurons: ``[T, N, channels]``, in step mode 's' ``[N, channels]``."""
        x = self.stem(self._as_sequence(x))
        for name, stage in self.named_children():
            if name.startswith("layer"):
                x = stage(x)
        return self.avgpool(self.head_lif(x)).flatten(-3)

    def _own_neuron(self) -> dict[str, Any]:
        """The keywords of its LIF neurons."""
        return {
            "tau": 4.0 / 3.0, "decay_input": False, "v_threshold": _THRESHOLD,
            "surrogate_function": surrogate.Rect(alpha=2.0), "detach_reset": True,
        }  # fmt: skip

    def _stage(
        self, number: int, in_channels: int, channels: int, blocks: int, make_neuron: Callable[..., nn.Module]
    ) -> nn.Sequential:
        rest = [MSBlock(channels, channels, 1, make_neuron) for _ in range(blocks - 1)]
        return nn.Sequential(MSBlock(in_channels, channels, 2, make_neuron), *rest)

    def _start_values(self, last_of_block: float = 0.0) -> None:
        """Each block starts near its shortcut, and what enters the neurons has the threshold as its standard
        deviation."""
        for module in self.modules():
            if isinstance(module, nn.BatchNorm2d):
                nn.init.constant_(module.weight, _THRESHOLD)
        for module in self.modules():
            if isinstance(module, MSBlock):
                nn.init.constant_(module.bn2.weight, last_of_block)


class MSBlock(nn.Module):
    """Neurons stand before each of two 3x3 convolutions; the shortcut is around all of them."""

    def __init__(self, in_channels: int, out_channels: int, stride: int, make_neuron: Callable[..., nn.Module]) -> None:
        super().__init__()
        self.spike1 = make_neuron()
        self.conv1 = layer.Conv2d(in_channels, out_channels, kernel_size=3, stride=stride, padding=1, bias=False)
        self.bn1 = layer.BatchNorm2d(out_channels)
        self.spike2 = make_neuron()
        self.conv2 = layer.Conv2d(out_channels, out_channels, kernel_size=3, padding=1, bias=False)
        self.bn2 = layer.BatchNorm2d(out_channels)
        self.downsample: nn.Module | None = None
        if stride != 1 or in_channels != out_channels:
            self.downsample = nn.Sequential(
                layer.Conv2d(in_channels, out_channels, kernel_size=1, stride=stride, bias=False),
                layer.BatchNorm2d(out_channels),
            )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out = self.bn1(self.conv1(self.spike1(x)))
        return self._join(self.bn2(self.conv2(self.spike2(out))), x)

    def _join(self, out: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        return out + (x if self.downsample is None else self.downsample(x))


def _channels_of_stages(
    layers: Sequence[int], base_channels: int, stage_channels: Sequence[int] | None
) -> tuple[int, ...]:
    if len(layers) not in (3, 4):
        raise ArgumentValueError(
            f"MSResNet: layers must be the numbers of blocks of three or four stages, but {describe(layers)} was given."
        )
    for blocks in layers:
        check_positive_int("MSResNet", "a number of blocks in layers", blocks)
    if stage_channels is None:
        return tuple(base_channels * 2**number for number in range(len(layers)))
    if len(stage_channels) != len(layers):
        raise ArgumentValueError(
            f"MSResNet: stage_channels must be one number for each of the {len(layers)} stages, but "
            f"{describe(stage_channels)} was given."
        )
    return tuple(stage_channels)


def _stem(in_channels: int, out_channels: int, kernel_size: int, stride: int, pool: bool) -> nn.Sequential:
    check_positive_int("MSResNet", "stem_stride", stride)
    check_positive_int("MSResNet", "stem_kernel_size", kernel_size)
    if kernel_size % 2 == 0:
        raise ArgumentValueError(
            f"MSResNet: stem_kernel_size must be odd, so that the image keeps its place, but {kernel_size} was given."
        )
    parts: list[nn.Module] = [
        layer.Conv2d(in_channels, out_channels, kernel_size, stride=stride, padding=kernel_size // 2, bias=False),
        layer.BatchNorm2d(out_channels),
    ]
    if pool:
        parts.append(layer.MaxPool2d(kernel_size=3, stride=2, padding=1))
    return nn.Sequential(*parts)


def ms_resnet18(
    T: int = 6, in_channels: int = 3, num_classes: int = 1000, spiking_neuron: Neuron | None = None, **kwargs: Any
) -> MSResNet:
    """The paper's MS-ResNet18 (11.7 million parameters); see :class:`MSResNet`."""
    return MSResNet(T, in_channels, num_classes, spiking_neuron=spiking_neuron, **{"layers": (2, 2, 2, 2), **kwargs})


def ms_resnet34(
    T: int = 6, in_channels: int = 3, num_classes: int = 1000, spiking_neuron: Neuron | None = None, **kwargs: Any
) -> MSResNet:
    """The paper's MS-ResNet34 (21.8 million parameters); see :class:`MSResNet`."""
    return MSResNet(T, in_channels, num_classes, spiking_neuron=spiking_neuron, **{"layers": (3, 4, 6, 3), **kwargs})


def ms_resnet104(
    T: int = 5, in_channels: int = 3, num_classes: int = 1000, spiking_neuron: Neuron | None = None, **kwargs: Any
) -> MSResNet:
    """The paper's MS-ResNet104 (77.3 million parameters); see :class:`MSResNet`."""
    return MSResNet(T, in_channels, num_classes, spiking_neuron=spiking_neuron, **{"layers": (3, 8, 32, 8), **kwargs})


def __getattr__(name: str) -> Any:
    # The 2.0 releases have these here; their module is made of this one, so it can't be imported before it.
    if name in ("MaxResNet", "max_resnet18"):
        return getattr(importlib.import_module("spikingjelly.activation_based.model.max_resnet"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
