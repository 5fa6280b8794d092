"""Spike-driven Transformer: only spikes enter a convolution, and shortcuts join membranes.

Source: Yao et al., "Spike-driven Transformer", NeurIPS 2023. A name like ``sdt_8_384`` gives, as in the paper, the
number of blocks and of channels.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from spikingjelly.activation_based import layer
from spikingjelly.activation_based._checks import ArgumentValueError, check_above, check_int, describe
from spikingjelly.activation_based._neuron_maker import Neuron, neuron_maker
from spikingjelly.activation_based.functional import set_step_mode
from spikingjelly.activation_based.layer import SpikeDrivenSelfAttention
from spikingjelly.activation_based.model._image_network import ImageNetwork, check_divisible

__all__ = ["SpikeDrivenTransformer", "sdt_6_512", "sdt_8_384", "sdt_8_512", "sdt_8_768"]

MakeNeuron = Callable[..., nn.Module]


class SpikeDrivenTransformer(ImageNetwork):
    """Spike-driven Transformer: the mean output of the classifier over time, ``[N, num_classes]``.

    In step mode 'm', in which it is made, the input is images ``[N, in_channels, H, W]``, which are repeated T times,
    or a sequence ``[T, N, in_channels, H, W]`` of any length. In 's' it is one time step ``[N, in_channels, H, W]``,
    and the output that of this step.

    :param T: number of time steps that an image is repeated
    :param in_channels: channels of the images
    :param num_classes: number of classes
    :param embed_dims: number of channels, a multiple of 8
    :param num_heads: number of heads, which must divide ``embed_dims``; see :class:`layer.SpikeDrivenSelfAttention`
    :param depths: number of blocks
    :param mlp_ratio: hidden channels of the perceptrons for each channel
    :param pooling_stat: for each of the four convolutions that make the patches, '1' where a pooling by 2 follows;
        '0011' for 32x32 images
    :param spiking_neuron: class of the neurons; None for the paper's LIF neurons, ``tau=2.0, detach_reset=True``, and
        in the attention ``v_threshold=0.5``
    :param kwargs: keywords of the neurons

    :raises ValueError: (also an AssertionError) for sizes that do not fit, or another ``pooling_stat``
    :raises ValueError: for an input with another number of dimensions
    :raises TypeError: if ``spiking_neuron`` is no class of neurons
    """

    def __init__(
        self,
        T: int = 4,
        in_channels: int = 3,
        num_classes: int = 1000,
        embed_dims: int = 384,
        num_heads: int = 8,
        depths: int = 8,
        mlp_ratio: float = 4.0,
        pooling_stat: str = "1111",
        spiking_neuron: Neuron | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(T, in_channels, num_classes)
        check_divisible(self, "embed_dims", embed_dims, 8, "the four convolutions have 1/8, 1/4, 1/2 and all of them")
        check_int(self, "depths", depths, at_least=0)
        check_above(self, "mlp_ratio", float(mlp_ratio), 0.0)
        make_neuron = neuron_maker(type(self).__name__, spiking_neuron, kwargs, tau=2.0, detach_reset=True)
        self.patch_embed = _PatchEmbed(in_channels, embed_dims, _pooled(pooling_stat), make_neuron)
        self.blocks = nn.ModuleList(
            _Block(
                SpikeDrivenSelfAttention(embed_dims, num_heads, spiking_neuron, **kwargs),
                _MLP(embed_dims, int(embed_dims * mlp_ratio), make_neuron),
            )
            for _ in range(depths)
        )
        self.head_lif = make_neuron()
        self.head = layer.Linear(embed_dims, num_classes)
        set_step_mode(self, kwargs.get("step_mode", "m"))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.patch_embed(self._as_sequence(x))
        for block in self.blocks:
            x = block(x)
        return self._mean_over_time(self.head(self.head_lif(x.flatten(-2).mean(-1))))


class _PatchEmbed(nn.Module):
    """Four convolutions make the patches, one more adds their relative places."""

    def __init__(self, in_channels: int, embed_dims: int, pooled: list[bool], make_neuron: MakeNeuron) -> None:
        super().__init__()
        channels = (in_channels, embed_dims // 8, embed_dims // 4, embed_dims // 2)
        self.stages = nn.ModuleList(
            nn.Sequential(*_conv_bn(before, after), make_neuron(), *_pool(pool))
            for before, after, pool in zip(channels, channels[1:], pooled, strict=False)
        )
        self.final_stage = nn.Sequential(*_conv_bn(channels[-1], embed_dims), *_pool(pooled[-1]))
        self.final_lif = make_neuron()
        self.rpe_conv = layer.Conv2d(embed_dims, embed_dims, kernel_size=3, padding=1, bias=False)
        self.rpe_bn = layer.BatchNorm2d(embed_dims)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for stage in self.stages:
            x = stage(x)
        x = self.final_stage(x)
        return x + self.rpe_bn(self.rpe_conv(self.final_lif(x)))


class _MLP(nn.Module):
    """Neurons stand before each linear layer, so that sums of spikes leave it."""

    def __init__(self, dim: int, hidden_dim: int, make_neuron: MakeNeuron) -> None:
        super().__init__()
        self.fc1 = layer.Conv2d(dim, hidden_dim, kernel_size=1)
        self.bn1 = layer.BatchNorm2d(hidden_dim)
        self.lif1 = make_neuron()
        self.fc2 = layer.Conv2d(hidden_dim, dim, kernel_size=1)
        self.bn2 = layer.BatchNorm2d(dim)
        self.lif2 = make_neuron()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        hidden = self.bn1(self.fc1(self.lif1(x)))
        return x + self.bn2(self.fc2(self.lif2(hidden)))


class _Block(nn.Module):
    """Attention and perceptron, which have their shortcuts inside."""

    def __init__(self, attention: nn.Module, perceptron: nn.Module) -> None:
        super().__init__()
        self.attn = attention
        self.mlp = perceptron

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.mlp(self.attn(x))


def _conv_bn(in_channels: int, out_channels: int) -> tuple[nn.Module, nn.Module]:
    return layer.Conv2d(in_channels, out_channels, kernel_size=3, padding=1), layer.BatchNorm2d(out_channels)


def _pool(pooled: bool) -> list[nn.Module]:
    return [layer.MaxPool2d(kernel_size=3, stride=2, padding=1)] if pooled else []


def _pooled(pooling_stat: str) -> list[bool]:
    if not isinstance(pooling_stat, str) or len(pooling_stat) != 4 or set(pooling_stat) - {"0", "1"}:
        raise ArgumentValueError(
            "SpikeDrivenTransformer: pooling_stat must be four characters '0' or '1', one for each convolution, as in "
            f"'0011', but {describe(pooling_stat)} was given."
        )
    return [character == "1" for character in pooling_stat]


def _network(
    depths: int,
    embed_dims: int,
    T: int,
    in_channels: int,
    num_classes: int,
    spiking_neuron: Neuron | None,
    keywords: dict[str, Any],
) -> SpikeDrivenTransformer:
    shape = {"depths": depths, "embed_dims": embed_dims}
    return SpikeDrivenTransformer(T, in_channels, num_classes, spiking_neuron=spiking_neuron, **{**shape, **keywords})


def sdt_8_384(
    T: int = 4, in_channels: int = 3, num_classes: int = 1000, spiking_neuron: Neuron | None = None, **kwargs: Any
) -> SpikeDrivenTransformer:
    """The paper's Spike-driven Transformer-8-384 (16.8 million parameters); see :class:`SpikeDrivenTransformer`."""
    return _network(8, 384, T, in_channels, num_classes, spiking_neuron, kwargs)


def sdt_6_512(
    T: int = 4, in_channels: int = 3, num_classes: int = 1000, spiking_neuron: Neuron | None = None, **kwargs: Any
) -> SpikeDrivenTransformer:
    """The paper's Spike-driven Transformer-6-512 (23.4 million parameters); see :class:`SpikeDrivenTransformer`."""
    return _network(6, 512, T, in_channels, num_classes, spiking_neuron, kwargs)


def sdt_8_512(
    T: int = 4, in_channels: int = 3, num_classes: int = 1000, spiking_neuron: Neuron | None = None, **kwargs: Any
) -> SpikeDrivenTransformer:
    """The paper's Spike-driven Transformer-8-512 (29.7 million parameters); see :class:`SpikeDrivenTransformer`."""
    return _network(8, 512, T, in_channels, num_classes, spiking_neuron, kwargs)


def sdt_8_768(
    T: int = 4, in_channels: int = 3, num_classes: int = 1000, spiking_neuron: Neuron | None = None, **kwargs: Any
) -> SpikeDrivenTransformer:
    """The paper's Spike-driven Transformer-8-768 (66.3 million parameters); see :class:`SpikeDrivenTransformer`."""
    return _network(8, 768, T, in_channels, num_classes, spiking_neuron, kwargs)
