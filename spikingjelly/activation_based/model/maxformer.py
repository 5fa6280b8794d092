"""Max-Former: coarser patches by maximum pooling and depth-wise convolutions keep high frequencies before attention.

Source: Fang et al., "Spiking Neural Networks Need High Frequency Information", 2025 (arXiv 2505.18608). A name like
``maxformer_10_384`` gives the number of blocks and of channels.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import nn

from spikingjelly.activation_based import layer
from spikingjelly.activation_based._checks import ArgumentValueError, check_above, describe
from spikingjelly.activation_based._neuron_maker import Neuron, neuron_maker
from spikingjelly.activation_based.functional import set_step_mode
from spikingjelly.activation_based.model import _maxformer_parts as parts
from spikingjelly.activation_based.model._image_network import ThreeStages, check_divisible

__all__ = ["MaxFormer", "maxformer_10_384", "maxformer_cifar"]


class MaxFormer(ThreeStages):
    """Max-Former: class scores ``[N, num_classes]`` of the mean over time and places.

    In step mode 'm', in which it is made, the input is images ``[N, in_channels, H, W]``, which are repeated T times,
    or a sequence ``[T, N, in_channels, H, W]`` of any length. In 's' it is one time step ``[N, in_channels, H, W]``.
    The stages have 1/16, 1/64 and 1/256 as many places as the image has pixels (with ``cifar`` all, 1/4 and 1/16), and
    1/4, 1/2 and all of the channels. In the first two, depth-wise convolutions of 7x7 and 5x5 stand where the last has
    self-attention (with ``cifar`` nothing and 3x3).

    :param T: number of time steps that an image is repeated
    :param in_channels: channels of the images
    :param num_classes: number of classes
    :param embed_dims: channels of the last stage, a multiple of 8; heads have 64 of them
    :param depths: number of blocks in each stage
    :param mlp_ratio: hidden channels of the perceptrons for each channel
    :param spiking_neuron: class of the neurons; None for the paper's LIF neurons, ``tau=2.0`` (with ``cifar`` and in
        the attention ``detach_reset=True``), and behind the attention ``v_threshold=0.5``
    :param cifar: whether it is the network for small images, with eight heads
    :param kwargs: keywords of the neurons

    :raises ValueError: (also an AssertionError) for sizes that do not fit
    :raises ValueError: for an input with another number of dimensions
    :raises TypeError: if ``spiking_neuron`` is no class of neurons
    """

    def __init__(
        self,
        T: int = 4,
        in_channels: int = 3,
        num_classes: int = 1000,
        embed_dims: int = 384,
        depths: Sequence[int] = (1, 2, 7),
        mlp_ratio: float = 4.0,
        spiking_neuron: Neuron | None = None,
        cifar: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(T, in_channels, num_classes)
        check_divisible(self, "embed_dims", embed_dims, 8, "the convolutions have from 1/8 to all of them")
        check_above(self, "mlp_ratio", float(mlp_ratio), 0.0)
        if len(depths) != 3:
            raise ArgumentValueError(
                f"MaxFormer: depths must be three numbers, one for each stage, but {describe(depths)} was given."
            )
        own = {"tau": 2.0, "detach_reset": True} if cifar else {"tau": 2.0}
        make_neuron = neuron_maker("MaxFormer", spiking_neuron, kwargs, **own)
        first, second, last = embed_dims // 4, embed_dims // 2, embed_dims
        embed = parts.SmallImages if cifar else parts.LargeImages
        self.patch_embed1 = embed(in_channels, first, make_neuron)
        self.patch_embed2 = parts.CoarserPatches(first, second, not cifar, make_neuron)
        self.patch_embed3 = parts.CoarserPatches(second, last, not cifar, make_neuron)

        def perceptron(channels: int) -> nn.Module:
            return parts.Perceptron(channels, int(channels * mlp_ratio), make_neuron)

        def filtered(channels: int, size: int) -> nn.Module:
            return parts.FilterBlock(channels, size, perceptron(channels), make_neuron)

        def attending() -> nn.Module:
            kind: Callable[..., nn.Module] = parts.attention_of_small_images if cifar else parts.attention
            return parts.AttentionBlock(kind(last, spiking_neuron, kwargs), perceptron(last))

        self.stage1 = nn.ModuleList(perceptron(first) if cifar else filtered(first, 7) for _ in range(depths[0]))
        self.stage2 = nn.ModuleList(filtered(second, 3 if cifar else 5) for _ in range(depths[1]))
        self.stage3 = nn.ModuleList(attending() for _ in range(depths[2]))
        self.head_lif = make_neuron()
        self.head = layer.Linear(embed_dims, num_classes)
        set_step_mode(self, kwargs.get("step_mode", "m"))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self._mean_over_time(self.head_lif(self._features(x))))


def maxformer_10_384(
    T: int = 4, in_channels: int = 3, num_classes: int = 1000, spiking_neuron: Neuron | None = None, **kwargs: Any
) -> MaxFormer:
    """The paper's Max-Former-10-384 (16.2 million parameters); see :class:`MaxFormer`."""
    return MaxFormer(T, in_channels, num_classes, spiking_neuron=spiking_neuron, **kwargs)


def maxformer_cifar(
    T: int = 4, in_channels: int = 3, num_classes: int = 100, spiking_neuron: Neuron | None = None, **kwargs: Any
) -> MaxFormer:
    """The paper's Max-Former-4-384 for CIFAR (6.6 million parameters); see :class:`MaxFormer`."""
    shape = {"depths": (1, 1, 2), "cifar": True}
    return MaxFormer(T, in_channels, num_classes, spiking_neuron=spiking_neuron, **{**shape, **kwargs})
