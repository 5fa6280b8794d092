"""The parts of :class:`~spikingjelly.activation_based.model.maxformer.MaxFormer`."""

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from spikingjelly.activation_based import layer
from spikingjelly.activation_based._neuron_maker import Neuron, neuron_maker

MakeNeuron = Callable[..., nn.Module]


class LargeImages(nn.Module):
    """Patches of 4x4 pixels, with a shortcut around the second and third convolution."""

    def __init__(self, in_channels: int, out_channels: int, make_neuron: MakeNeuron) -> None:
        super().__init__()
        half = out_channels // 2
        self.conv1 = _conv3x3(in_channels, half, stride=2)
        self.bn1 = layer.BatchNorm2d(half)
        self.lif1 = make_neuron()
        self.conv2 = _conv3x3(half, out_channels, stride=2)
        self.bn2 = layer.BatchNorm2d(out_channels)
        self.lif2 = make_neuron()
        self.conv3 = _conv3x3(out_channels, out_channels)
        self.bn3 = layer.BatchNorm2d(out_channels)
        self.shortcut = nn.Sequential(
            layer.Conv2d(half, out_channels, kernel_size=1, stride=2), layer.BatchNorm2d(out_channels)
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.lif1(self.bn1(self.conv1(x)))
        out = self.lif2(self.bn2(self.conv2(x)))
        return self.bn3(self.conv3(out)) + self.shortcut(x)


class SmallImages(nn.Module):
    """Each pixel by itself, by two convolutions, the second with a shortcut."""

    def __init__(self, in_channels: int, out_channels: int, make_neuron: MakeNeuron) -> None:
        super().__init__()
        half = out_channels // 2
        self.conv = _conv3x3(in_channels, half, bias=False)
        self.bn = layer.BatchNorm2d(half)
        self.branch = nn.Sequential(
            make_neuron(), _conv3x3(half, out_channels, bias=False), layer.BatchNorm2d(out_channels)
        )
        self.shortcut = nn.Sequential(
            make_neuron(),
            layer.Conv2d(half, out_channels, kernel_size=1, bias=False),
            layer.BatchNorm2d(out_channels),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.bn(self.conv(x))
        return self.branch(x) + self.shortcut(x)


class CoarserPatches(nn.Module):
    """Patches that are twice as large, by the maximum of neighbours, on both ways."""

    def __init__(self, in_channels: int, out_channels: int, bias: bool, make_neuron: MakeNeuron) -> None:
        super().__init__()
        self.lif1 = make_neuron()
        self.conv1 = _conv3x3(in_channels, out_channels, bias=bias)
        self.bn1 = layer.BatchNorm2d(out_channels)
        self.pool = _pool()
        self.lif2 = make_neuron()
        self.conv2 = _conv3x3(out_channels, out_channels, bias=bias)
        self.bn2 = layer.BatchNorm2d(out_channels)
        self.shortcut = nn.Sequential(
            layer.Conv2d(in_channels, out_channels, kernel_size=1, bias=bias), layer.BatchNorm2d(out_channels), _pool()
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.lif1(x)
        out = self.pool(self.bn1(self.conv1(x)))
        return self.bn2(self.conv2(self.lif2(out))) + self.shortcut(x)


class Perceptron(nn.Module):
    """Two layers over the channels of each place, with a shortcut."""

    def __init__(self, dim: int, hidden_dim: int, make_neuron: MakeNeuron) -> None:
        super().__init__()
        self.lif1 = make_neuron()
        self.fc1 = layer.Conv2d(dim, hidden_dim, kernel_size=1)
        self.bn1 = layer.BatchNorm2d(hidden_dim)
        self.lif2 = make_neuron()
        self.fc2 = layer.Conv2d(hidden_dim, dim, kernel_size=1)
        self.bn2 = layer.BatchNorm2d(dim)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        hidden = self.lif2(self.bn1(self.fc1(self.lif1(x))))
        return x + self.bn2(self.fc2(hidden))


class FilterBlock(nn.Module):
    """A depth-wise convolution with a shortcut, and a perceptron."""

    def __init__(self, dim: int, kernel_size: int, perceptron: nn.Module, make_neuron: MakeNeuron) -> None:
        super().__init__()
        self.lif = make_neuron()
        self.dwconv = layer.Conv2d(dim, dim, kernel_size, padding=kernel_size // 2, groups=dim)
        self.bn = layer.BatchNorm2d(dim)
        self.mlp = perceptron

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.mlp(x + self.bn(self.dwconv(self.lif(x))))


class AttentionBlock(nn.Module):
    """Attention with a shortcut, and a perceptron."""

    def __init__(self, attention: nn.Module, perceptron: nn.Module) -> None:
        super().__init__()
        self.attn = attention
        self.mlp = perceptron

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.mlp(x + self.attn(x.flatten(-2)).unflatten(-1, x.shape[-2:]))


class _FiringFirst(layer.SpikingSelfAttention):
    """Self-attention of potentials, which fire first; the output is one of potentials again."""

    def __init__(self, dim: int, num_heads: int, spiking_neuron: Neuron | None, **kwargs: Any) -> None:
        super().__init__(dim, num_heads, spiking_neuron, **kwargs)
        self.input_lif = neuron_maker("MaxFormer", spiking_neuron, kwargs, tau=2.0, detach_reset=True)()
        self.qkv = self.qkv_conv_bn
        self.proj = nn.Sequential(layer.Conv1d(dim, dim, kernel_size=1), layer.BatchNorm1d(dim))
        del self.qkv_conv_bn, self.proj_conv_bn, self.proj_lif

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self._check_input(x)
        return self.proj(self._attend(self.qkv_lif(self.qkv(self.input_lif(x)))))


def attention(dim: int, spiking_neuron: Neuron | None, keywords: dict[str, Any]) -> nn.Module:
    """With heads of 64 channels."""
    return layer.SpikingSelfAttention(dim, max(1, dim // 64), spiking_neuron, **keywords)


def attention_of_small_images(dim: int, spiking_neuron: Neuron | None, keywords: dict[str, Any]) -> nn.Module:
    """With eight heads."""
    return _FiringFirst(dim, 8, spiking_neuron, **keywords)


def _conv3x3(in_channels: int, out_channels: int, stride: int = 1, bias: bool = True) -> layer.Conv2d:
    return layer.Conv2d(in_channels, out_channels, kernel_size=3, stride=stride, padding=1, bias=bias)


def _pool() -> layer.MaxPool2d:
    return layer.MaxPool2d(kernel_size=3, stride=2, padding=1)
