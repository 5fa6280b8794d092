"""MA-SNN and Att-MS-ResNet: networks that weigh time steps, channels and places by what passes them.

Source: Yao et al., "Attention Spiking Neural Networks", IEEE Transactions on Pattern Analysis and Machine Intelligence,
2023.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import nn

from spikingjelly.activation_based import layer, surrogate
from spikingjelly.activation_based._checks import ArgumentValueError, check_positive_int, describe
from spikingjelly.activation_based._neuron_maker import Neuron, neuron_maker
from spikingjelly.activation_based.functional import set_step_mode
from spikingjelly.activation_based.model._image_network import ImageNetwork
from spikingjelly.activation_based.model.ms_resnet import MSBlock, MSResNet

__all__ = ["MASNN", "AttMSResNet", "att_ms_resnet18", "masnn_dvs128_gesture"]

MakeNeuron = Callable[..., nn.Module]


class MASNN(ImageNetwork):
    """MA-SNN, a convolutional network for streams of events: the mean of its last spikes, ``[N, num_classes]``.

    The input is images ``[N, in_channels, H, W]``, which are repeated T times, or a sequence
    ``[T, N, in_channels, H, W]`` of T time steps, for the attention learns weights of these. Only step mode 'm'.

    :param T: number of time steps
    :param in_channels: channels of the images
    :param num_classes: number of classes
    :param input_size: height and width of the images
    :param channels: channels of each convolution
    :param pools: size of the average pooling behind each convolution
    :param fc_hidden: units of the hidden layer
    :param reduction_t: the networks that weigh time steps have ``T // reduction_t`` hidden units
    :param reduction_c: those that weigh channels have ``C // reduction_c``
    :param spiking_neuron: class of the neurons; None for LIF neurons with ``tau=10/7, decay_input=False,
        v_threshold=0.3, surrogate_function=surrogate.Rect(2.0), detach_reset=True``, which are reset to 0 (in the
        authors' program to the threshold)
    :param kwargs: keywords of the neurons

    :raises ValueError: (also an AssertionError) for sizes that do not fit
    :raises ValueError: for an input with another number of dimensions or time steps, and for another step mode
    :raises TypeError: if ``spiking_neuron`` is no class of neurons
    """

    def __init__(
        self,
        T: int = 60,
        in_channels: int = 2,
        num_classes: int = 11,
        input_size: tuple[int, int] = (32, 32),
        channels: Sequence[int] = (64, 128, 128),
        pools: Sequence[int] = (1, 2, 2),
        fc_hidden: int = 256,
        reduction_t: int = 5,
        reduction_c: int = 8,
        spiking_neuron: Neuron | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(T, in_channels, num_classes)
        if len(channels) != len(pools) or not channels:
            raise ArgumentValueError(
                f"MASNN: pools must be one number for each of channels, but {describe(channels)} and {describe(pools)} "
                "were given."
            )
        check_positive_int(self, "fc_hidden", fc_hidden)
        make_neuron = neuron_maker(
            "MASNN", spiking_neuron, kwargs, tau=10.0 / 7.0, decay_input=False, v_threshold=0.3,
            surrogate_function=surrogate.Rect(alpha=2.0), detach_reset=True,
        )  # fmt: skip
        height, width = input_size
        blocks, inputs = [], in_channels
        for outputs, pool in zip(channels, pools, strict=True):
            blocks.append(_ConvBlock(T, inputs, outputs, pool, reduction_t, reduction_c, make_neuron))
            inputs, height, width = outputs, height // pool, width // pool
        self.conv_blocks = nn.Sequential(*blocks)
        self.fc_blocks = nn.Sequential(
            _LinearBlock(T, inputs * height * width, fc_hidden, reduction_t, make_neuron),
            _LinearBlock(T, fc_hidden, num_classes, reduction_t, make_neuron),
        )
        set_step_mode(self, "m")

    def supported_step_mode(self) -> tuple[str, ...]:
        return ("m",)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self._mean_over_time(self.fc_blocks(self.conv_blocks(self._as_sequence(x)).flatten(2)))


class _ConvBlock(nn.Module):
    def __init__(
        self, T: int, in_channels: int, out_channels: int, pool: int, reduction_t: int, reduction_c: int,
        make_neuron: MakeNeuron,
    ) -> None:  # fmt: skip
        super().__init__()
        check_positive_int("MASNN", "a size in pools", pool)
        self.conv = layer.Conv2d(in_channels, out_channels, kernel_size=3, padding=1)
        self.bn = layer.BatchNorm2d(out_channels)
        self.pool = layer.AvgPool2d(pool) if pool > 1 else None
        self.attn = layer.MultiDimensionalAttention(T, out_channels, reduction_t, reduction_c)
        self.cell = make_neuron()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.bn(self.conv(x))
        return self.cell(self.attn(x if self.pool is None else self.pool(x)))


class _LinearBlock(nn.Module):
    def __init__(self, T: int, in_features: int, out_features: int, reduction_t: int, make_neuron: MakeNeuron) -> None:
        super().__init__()
        self.linear = layer.Linear(in_features, out_features)
        self.bn = layer.BatchNorm1d(out_features)
        self.attn = layer.TemporalWiseAttention(T, reduction_t, dimension=2)
        self.relu = nn.ReLU()
        self.cell = make_neuron()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.cell(self.relu(self.attn(self.bn(self.linear(x)))))


class AttMSResNet(MSResNet):
    """Att-MS-ResNet: an :class:`MSResNet` that weighs channels and places in each block, ``[N, num_classes]``.

    Input, output, errors and the other parameters are those of :class:`MSResNet`; only step mode 'm'. The shortcuts of
    blocks that halve the size take the mean of each 2x2 patch. None for ``spiking_neuron`` are those of
    :class:`MSResNet` with ``surrogate.Rect(1.0)``.

    :param reduction_c: the networks that weigh channels have ``C // reduction_c`` hidden units
    :param dropout: share of the features that the classifier misses in training, of the mean over time
    """

    def __init__(
        self,
        T: int = 1,
        in_channels: int = 3,
        num_classes: int = 1000,
        layers: Sequence[int] = (2, 2, 2, 2),
        base_channels: int = 64,
        stem_kernel_size: int = 7,
        stem_stride: int = 2,
        stem_pool: bool = False,
        stage_channels: Sequence[int] | None = None,
        reduction_c: int = 8,
        dropout: float = 0.2,
        spiking_neuron: Neuron | None = None,
        **kwargs: Any,
    ) -> None:
        self._attention = {"T": T, "reduction_c": reduction_c}
        super().__init__(
            T, in_channels, num_classes, layers, base_channels, stem_kernel_size, stem_stride, stem_pool,
            stage_channels, spiking_neuron, **kwargs,
        )  # fmt: skip
        self.dropout = nn.Dropout(dropout)
        set_step_mode(self, "m")

    def supported_step_mode(self) -> tuple[str, ...]:
        return ("m",)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.dropout(self._features(x).mean(0)))

    def _own_neuron(self) -> dict[str, Any]:
        return {**super()._own_neuron(), "surrogate_function": surrogate.Rect(alpha=1.0)}

    def _stage(
        self, number: int, in_channels: int, channels: int, blocks: int, make_neuron: MakeNeuron
    ) -> nn.Sequential:
        first = _AttBlock(in_channels, channels, 2, make_neuron, **self._attention)
        rest = [_AttBlock(channels, channels, 1, make_neuron, **self._attention) for _ in range(blocks - 1)]
        return nn.Sequential(first, *rest)

    def _start_values(self, last_of_block: float = 0.1) -> None:
        super()._start_values(last_of_block)


class _AttBlock(MSBlock):
    """A block whose convolutions are weighed before the shortcut joins them."""

    def __init__(
        self, in_channels: int, out_channels: int, stride: int, make_neuron: MakeNeuron, T: int, reduction_c: int
    ) -> None:
        super().__init__(in_channels, out_channels, stride, make_neuron)
        self.attention = layer.MultiDimensionalAttention(T, out_channels, reduction_c=reduction_c, use_temporal=False)
        if self.downsample is not None:
            self.downsample = nn.Sequential(
                *([layer.AvgPool2d(stride, stride)] if stride != 1 else []),
                layer.Conv2d(in_channels, out_channels, kernel_size=1, bias=False),
                layer.BatchNorm2d(out_channels),
            )

    def _join(self, out: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        return super()._join(self.attention(out), x)


def masnn_dvs128_gesture(
    T: int = 60, in_channels: int = 2, num_classes: int = 11, input_size: tuple[int, int] = (32, 32),
    spiking_neuron: Neuron | None = None, **kwargs: Any,
) -> MASNN:  # fmt: skip
    """The paper's network for DVS128 Gesture (2.3 million parameters); see :class:`MASNN`."""
    return MASNN(T, in_channels, num_classes, input_size, spiking_neuron=spiking_neuron, **kwargs)


def att_ms_resnet18(
    T: int = 1, in_channels: int = 3, num_classes: int = 1000, spiking_neuron: Neuron | None = None, **kwargs: Any
) -> AttMSResNet:
    """The paper's Att-MS-ResNet18 for ImageNet (11.9 million parameters); see :class:`AttMSResNet`."""
    return AttMSResNet(T, in_channels, num_classes, spiking_neuron=spiking_neuron, **kwargs)
