"""Spikformer: spiking patch splitting, then blocks of spiking self-attention and a spiking perceptron.

Source: Zhou et al., "Spikformer: When Spiking Neural Network Meets Transformer", ICLR 2023. A name like
``spikformer_8_512`` gives, as in the paper, the number of blocks and of channels.
"""

from typing import Any

import torch
from torch import nn

from spikingjelly.activation_based import layer
from spikingjelly.activation_based._checks import check_int
from spikingjelly.activation_based._neuron_maker import Neuron
from spikingjelly.activation_based.functional import set_step_mode
from spikingjelly.activation_based.layer import SpikingSelfAttention
from spikingjelly.activation_based.model._image_network import ImageNetwork
from spikingjelly.activation_based.model._spikformer_parts import (
    SpikformerBlock,
    SpikformerConv2dBN,
    SpikformerConv2dBNLIF,
    SpikformerMLP,
    SpikformerPatchStem,
)

__all__ = [
    "Spikformer",
    "SpikformerBlock",
    "SpikformerConv2dBN",
    "SpikformerConv2dBNLIF",
    "SpikformerMLP",
    "SpikformerPatchStem",
    "SpikingSelfAttention",
    "spikformer_2_384",
    "spikformer_4_256",
    "spikformer_4_384",
    "spikformer_8_384",
    "spikformer_8_512",
    "spikformer_8_768",
    "spikformer_cifar10",
    "spikformer_s",
    "spikformer_ti",
]


class Spikformer(ImageNetwork):
    """Spikformer: the output of the classifier at each time step, ``[T, N, num_classes]``.

    In step mode 'm', in which it is made, the input is images ``[N, in_channels, H, W]``, which are repeated T times,
    or a sequence ``[T, N, in_channels, H, W]`` of any length. In 's' it is one time step ``[N, in_channels, H, W]``,
    and the output ``[N, num_classes]``. The class of an image is that of ``net(x).mean(0)``.

    :param T: number of time steps that an image is repeated
    :param in_channels: channels of the images
    :param img_size_h: rows of an image
    :param img_size_w: columns of an image
    :param patch_size: 4 or 16 pixels on each side
    :param num_classes: number of classes
    :param embed_dims: number of channels
    :param num_heads: number of heads of each attention
    :param mlp_ratio: hidden channels of the perceptrons for each channel
    :param depths: number of blocks
    :param spiking_neuron: class of the neurons; None for the paper's LIF neurons, ``tau=2.0, detach_reset=True``, and
        in the attention ``v_threshold=0.5``
    :param kwargs: keywords of the neurons

    :raises ValueError: (also an AssertionError) for sizes that do not fit
    :raises ValueError: for an input with another number of dimensions
    :raises TypeError: if ``spiking_neuron`` is no class of neurons
    """

    def __init__(
        self,
        T: int = 4,
        in_channels: int = 3,
        img_size_h: int = 224,
        img_size_w: int = 224,
        patch_size: int = 16,
        num_classes: int = 1000,
        embed_dims: int = 256,
        num_heads: int = 8,
        mlp_ratio: float = 4.0,
        depths: int = 4,
        spiking_neuron: Neuron | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(T, in_channels, num_classes)
        check_int(self, "depths", depths, at_least=0)
        self.embed_dims = embed_dims
        self.num_heads = num_heads
        self.depths = depths
        self.patch_embed = SpikformerPatchStem(
            img_size_h, img_size_w, patch_size, in_channels, embed_dims, spiking_neuron, **kwargs
        )
        self.blocks = nn.ModuleList(
            SpikformerBlock(embed_dims, num_heads, mlp_ratio, spiking_neuron, **kwargs) for _ in range(depths)
        )
        self.head = layer.Linear(embed_dims, num_classes)
        _start_values(self)
        set_step_mode(self, kwargs.get("step_mode", "m"))

    def forward_features(self, x: torch.Tensor) -> torch.Tensor:
        """The mean over the patches, ``[T, N, embed_dims]``, of an input as for :meth:`forward`."""
        x = self.patch_embed(self._as_sequence(x))
        for block in self.blocks:
            x = block(x)
        return x.flatten(-2).mean(-1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.forward_features(x))


def _start_values(net: nn.Module) -> None:
    for module in net.modules():
        if isinstance(module, nn.Linear | nn.Conv1d | nn.Conv2d):
            nn.init.trunc_normal_(module.weight, std=0.02)
            if module.bias is not None:
                nn.init.zeros_(module.bias)


def _imagenet(
    embed_dims: int,
    num_heads: int,
    depths: int,
    T: int,
    in_channels: int,
    img_size_h: int,
    img_size_w: int,
    num_classes: int,
    spiking_neuron: Neuron | None,
    keywords: dict[str, Any],
) -> Spikformer:
    shape = {"embed_dims": embed_dims, "num_heads": num_heads, "depths": depths, "patch_size": 16}
    return Spikformer(
        T, in_channels, img_size_h, img_size_w, num_classes=num_classes, spiking_neuron=spiking_neuron,
        **{**shape, **keywords},
    )  # fmt: skip


def _cifar(
    embed_dims: int,
    num_heads: int,
    depths: int,
    T: int,
    num_classes: int,
    spiking_neuron: Neuron | None,
    keywords: dict[str, Any],
) -> Spikformer:
    shape = {"embed_dims": embed_dims, "num_heads": num_heads, "depths": depths, "patch_size": 4}
    sizes = {"in_channels": 3, "img_size_h": 32, "img_size_w": 32}
    return Spikformer(T, num_classes=num_classes, spiking_neuron=spiking_neuron, **{**shape, **sizes, **keywords})


def spikformer_ti(
    T: int = 4,
    in_channels: int = 3,
    img_size_h: int = 224,
    img_size_w: int = 224,
    num_classes: int = 1000,
    spiking_neuron: Neuron | None = None,
    **kwargs: Any,
) -> Spikformer:
    """Spikformer with 4 blocks of 256 channels and 8 heads, on patches of 16x16 pixels; see :class:`Spikformer`."""
    return _imagenet(256, 8, 4, T, in_channels, img_size_h, img_size_w, num_classes, spiking_neuron, kwargs)


def spikformer_s(
    T: int = 4,
    in_channels: int = 3,
    img_size_h: int = 224,
    img_size_w: int = 224,
    num_classes: int = 1000,
    spiking_neuron: Neuron | None = None,
    **kwargs: Any,
) -> Spikformer:
    """Spikformer with 6 blocks of 384 channels and 12 heads, on patches of 16x16 pixels; see :class:`Spikformer`."""
    return _imagenet(384, 12, 6, T, in_channels, img_size_h, img_size_w, num_classes, spiking_neuron, kwargs)


def spikformer_8_384(
    T: int = 4,
    in_channels: int = 3,
    img_size_h: int = 224,
    img_size_w: int = 224,
    num_classes: int = 1000,
    spiking_neuron: Neuron | None = None,
    **kwargs: Any,
) -> Spikformer:
    """The paper's Spikformer-8-384 for ImageNet (16.8 million parameters); see :class:`Spikformer`."""
    return _imagenet(384, 8, 8, T, in_channels, img_size_h, img_size_w, num_classes, spiking_neuron, kwargs)


def spikformer_8_512(
    T: int = 4,
    in_channels: int = 3,
    img_size_h: int = 224,
    img_size_w: int = 224,
    num_classes: int = 1000,
    spiking_neuron: Neuron | None = None,
    **kwargs: Any,
) -> Spikformer:
    """The paper's Spikformer-8-512 for ImageNet (29.7 million parameters); see :class:`Spikformer`."""
    return _imagenet(512, 8, 8, T, in_channels, img_size_h, img_size_w, num_classes, spiking_neuron, kwargs)


def spikformer_8_768(
    T: int = 4,
    in_channels: int = 3,
    img_size_h: int = 224,
    img_size_w: int = 224,
    num_classes: int = 1000,
    spiking_neuron: Neuron | None = None,
    **kwargs: Any,
) -> Spikformer:
    """The paper's Spikformer-8-768 for ImageNet (66.3 million parameters); see :class:`Spikformer`."""
    return _imagenet(768, 8, 8, T, in_channels, img_size_h, img_size_w, num_classes, spiking_neuron, kwargs)


def spikformer_cifar10(
    T: int = 4, num_classes: int = 10, spiking_neuron: Neuron | None = None, **kwargs: Any
) -> Spikformer:
    """Spikformer-4-384 under its other name, see :func:`spikformer_4_384`."""
    return _cifar(384, 12, 4, T, num_classes, spiking_neuron, kwargs)


def spikformer_4_384(
    T: int = 4, num_classes: int = 10, spiking_neuron: Neuron | None = None, **kwargs: Any
) -> Spikformer:
    """The paper's Spikformer-4-384 for 32x32 images, as in CIFAR (9.3 million parameters); see :class:`Spikformer`."""
    return _cifar(384, 12, 4, T, num_classes, spiking_neuron, kwargs)


def spikformer_2_384(
    T: int = 4, num_classes: int = 10, spiking_neuron: Neuron | None = None, **kwargs: Any
) -> Spikformer:
    """The paper's Spikformer-2-384 for 32x32 images, as in CIFAR (5.8 million parameters); see :class:`Spikformer`."""
    return _cifar(384, 12, 2, T, num_classes, spiking_neuron, kwargs)


def spikformer_4_256(
    T: int = 4, num_classes: int = 10, spiking_neuron: Neuron | None = None, **kwargs: Any
) -> Spikformer:
    """The paper's Spikformer-4-256 for 32x32 images, as in CIFAR (4.2 million parameters); see :class:`Spikformer`."""
    return _cifar(256, 8, 4, T, num_classes, spiking_neuron, kwargs)
