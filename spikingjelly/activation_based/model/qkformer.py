"""QKFormer: three stages of ever coarser patches, the first two with Q-K attention, the last with self-attention.

Source: Zhou et al., "QKFormer: Hierarchical Spiking Transformer using Q-K Attention", NeurIPS 2024. A name like
``qkformer_10_384`` gives, as HST-10-384 in the paper, the number of blocks and of channels.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import nn

from spikingjelly.activation_based import layer
from spikingjelly.activation_based._checks import ArgumentValueError, check_above, describe
from spikingjelly.activation_based._neuron_maker import Neuron, neuron_maker
from spikingjelly.activation_based.functional import set_step_mode
from spikingjelly.activation_based.layer import QKAttention, SpikingSelfAttention
from spikingjelly.activation_based.model._image_network import ThreeStages, check_divisible

__all__ = ["QKFormer", "qkformer_10_384", "qkformer_10_512", "qkformer_10_768"]

MakeNeuron = Callable[..., nn.Module]


class QKFormer(ThreeStages):
    """QKFormer: the mean output of the classifier over time, ``[N, num_classes]``.

    In step mode 'm', in which it is made, the input is images ``[N, in_channels, H, W]``, which are repeated T times,
    or a sequence ``[T, N, in_channels, H, W]`` of any length. In 's' it is one time step ``[N, in_channels, H, W]``,
    and the output that of this step. The stages have 1/16, 1/64 and 1/256 as many patches as the image has pixels, and
    1/4, 1/2 and all of the channels.

    :param T: number of time steps that an image is repeated
    :param in_channels: channels of the images
    :param num_classes: number of classes
    :param embed_dims: channels of the last stage, a multiple of 8
    :param num_heads: number of heads in each stage
    :param depths: number of blocks in each stage
    :param mlp_ratio: hidden channels of the perceptrons for each channel
    :param qka_type: whether the queries choose tokens ('token') or channels ('channel')
    :param spiking_neuron: class of the neurons; None for the paper's LIF neurons, ``tau=2.0, detach_reset=True``, and
        in the attention ``v_threshold=0.5``
    :param kwargs: keywords of the neurons

    :raises ValueError: (also an AssertionError) for sizes that do not fit, or another ``qka_type``
    :raises ValueError: for an input with another number of dimensions
    :raises TypeError: if ``spiking_neuron`` is no class of neurons
    """

    def __init__(
        self,
        T: int = 4,
        in_channels: int = 3,
        num_classes: int = 1000,
        embed_dims: int = 384,
        num_heads: Sequence[int] = (3, 6, 6),
        depths: Sequence[int] = (1, 2, 7),
        mlp_ratio: float = 4.0,
        qka_type: str = "token",
        spiking_neuron: Neuron | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(T, in_channels, num_classes)
        check_divisible(self, "embed_dims", embed_dims, 8, "the convolutions have from 1/8 to all of them")
        check_above(self, "mlp_ratio", float(mlp_ratio), 0.0)
        _check_three(self, "num_heads", num_heads)
        _check_three(self, "depths", depths)
        make_neuron = neuron_maker("QKFormer", spiking_neuron, kwargs, tau=2.0, detach_reset=True)
        channels = (embed_dims // 4, embed_dims // 2, embed_dims)
        self.patch_embed1 = _PatchEmbedInit(in_channels, channels[0], make_neuron)
        self.patch_embed2 = _PatchEmbedStage(channels[0], channels[1], make_neuron)
        self.patch_embed3 = _PatchEmbedStage(channels[1], channels[2], make_neuron)

        def stage(number: int, attention: Callable[..., nn.Module], **keywords: Any) -> nn.ModuleList:
            dim, heads = channels[number], num_heads[number]
            return nn.ModuleList(
                _Block(
                    attention(dim, heads, spiking_neuron=spiking_neuron, **keywords, **kwargs),
                    _MLP(dim, int(dim * mlp_ratio), make_neuron),
                )
                for _ in range(depths[number])
            )

        self.stage1 = stage(0, QKAttention, qka_type=qka_type)
        self.stage2 = stage(1, QKAttention, qka_type=qka_type)
        self.stage3 = stage(2, SpikingSelfAttention)
        self.head = layer.Linear(embed_dims, num_classes)
        set_step_mode(self, kwargs.get("step_mode", "m"))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self._mean_over_time(self.head(self._features(x)))


class _PatchEmbedInit(nn.Module):
    """Patches of 4x4 pixels, with a shortcut around the second and third convolution."""

    def __init__(self, in_channels: int, out_channels: int, make_neuron: MakeNeuron) -> None:
        super().__init__()
        half = out_channels // 2
        self.conv1 = _conv3x3(in_channels, half)
        self.bn1 = layer.BatchNorm2d(half)
        self.pool1 = _pool()
        self.lif1 = make_neuron()
        self.conv2 = _conv3x3(half, out_channels)
        self.bn2 = layer.BatchNorm2d(out_channels)
        self.pool2 = _pool()
        self.lif2 = make_neuron()
        self.conv3 = _conv3x3(out_channels, out_channels)
        self.bn3 = layer.BatchNorm2d(out_channels)
        self.lif3 = make_neuron()
        self.shortcut = _shortcut(half, out_channels, make_neuron)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.lif1(self.pool1(self.bn1(self.conv1(x))))
        out = self.lif2(self.pool2(self.bn2(self.conv2(x))))
        return self.lif3(self.bn3(self.conv3(out))) + self.shortcut(x)


class _PatchEmbedStage(nn.Module):
    """Patches that are twice as large, with a shortcut around both convolutions."""

    def __init__(self, in_channels: int, out_channels: int, make_neuron: MakeNeuron) -> None:
        super().__init__()
        self.conv1 = _conv3x3(in_channels, out_channels)
        self.bn1 = layer.BatchNorm2d(out_channels)
        self.pool = _pool()
        self.lif1 = make_neuron()
        self.conv2 = _conv3x3(out_channels, out_channels)
        self.bn2 = layer.BatchNorm2d(out_channels)
        self.lif2 = make_neuron()
        self.shortcut = _shortcut(in_channels, out_channels, make_neuron)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out = self.lif1(self.pool(self.bn1(self.conv1(x))))
        return self.lif2(self.bn2(self.conv2(out))) + self.shortcut(x)


class _MLP(nn.Module):
    def __init__(self, dim: int, hidden_dim: int, make_neuron: MakeNeuron) -> None:
        super().__init__()
        self.fc1 = layer.Conv1d(dim, hidden_dim, kernel_size=1)
        self.bn1 = layer.BatchNorm1d(hidden_dim)
        self.lif1 = make_neuron()
        self.fc2 = layer.Conv1d(hidden_dim, dim, kernel_size=1)
        self.bn2 = layer.BatchNorm1d(dim)
        self.lif2 = make_neuron()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.lif2(self.bn2(self.fc2(self.lif1(self.bn1(self.fc1(x))))))


class _Block(nn.Module):
    """Attention and perceptron, each with a shortcut."""

    def __init__(self, attention: nn.Module, perceptron: nn.Module) -> None:
        super().__init__()
        self.attn = attention
        self.mlp = perceptron

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        tokens = x.flatten(-2)
        tokens = tokens + self.attn(tokens)
        return (tokens + self.mlp(tokens)).unflatten(-1, x.shape[-2:])


def _conv3x3(in_channels: int, out_channels: int) -> layer.Conv2d:
    return layer.Conv2d(in_channels, out_channels, kernel_size=3, padding=1)


def _pool() -> layer.MaxPool2d:
    return layer.MaxPool2d(kernel_size=3, stride=2, padding=1)


def _shortcut(in_channels: int, out_channels: int, make_neuron: MakeNeuron) -> nn.Sequential:
    return nn.Sequential(
        layer.Conv2d(in_channels, out_channels, kernel_size=1, stride=2), layer.BatchNorm2d(out_channels), make_neuron()
    )


def _check_three(owner: nn.Module, name: str, values: Sequence[int]) -> None:
    if len(values) != 3:
        raise ArgumentValueError(
            f"{type(owner).__name__}: {name} must be three numbers, one for each stage, but {describe(values)} was "
            "given."
        )


def _network(
    embed_dims: int,
    num_heads: tuple[int, int, int],
    T: int,
    in_channels: int,
    num_classes: int,
    spiking_neuron: Neuron | None,
    keywords: dict[str, Any],
) -> QKFormer:
    shape = {"embed_dims": embed_dims, "num_heads": num_heads, "depths": (1, 2, 7)}
    return QKFormer(T, in_channels, num_classes, spiking_neuron=spiking_neuron, **{**shape, **keywords})


def qkformer_10_384(
    T: int = 4, in_channels: int = 3, num_classes: int = 1000, spiking_neuron: Neuron | None = None, **kwargs: Any
) -> QKFormer:
    """The paper's HST-10-384 (16.5 million parameters), with 6 heads everywhere; see :class:`QKFormer`."""
    return _network(384, (6, 6, 6), T, in_channels, num_classes, spiking_neuron, kwargs)


def qkformer_10_512(
    T: int = 4, in_channels: int = 3, num_classes: int = 1000, spiking_neuron: Neuron | None = None, **kwargs: Any
) -> QKFormer:
    """The paper's HST-10-512 (29.1 million parameters), with 8 heads everywhere; see :class:`QKFormer`."""
    return _network(512, (8, 8, 8), T, in_channels, num_classes, spiking_neuron, kwargs)


def qkformer_10_768(
    T: int = 4, in_channels: int = 3, num_classes: int = 1000, spiking_neuron: Neuron | None = None, **kwargs: Any
) -> QKFormer:
    """The paper's HST-10-768 (65.0 million parameters), with 12 heads everywhere; see :class:`QKFormer`."""
    return _network(768, (12, 12, 12), T, in_channels, num_classes, spiking_neuron, kwargs)
