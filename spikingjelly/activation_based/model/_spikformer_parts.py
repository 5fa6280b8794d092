"""The parts of a Spikformer: patch splitting, self-attention and perceptron."""

from typing import Any

import torch
from torch import nn

from spikingjelly.activation_based import layer
from spikingjelly.activation_based._checks import ArgumentValueError, check_above, check_positive_int
from spikingjelly.activation_based._neuron_maker import Neuron, neuron_maker
from spikingjelly.activation_based.functional import set_step_mode
from spikingjelly.activation_based.model._image_network import check_divisible

# pixels of a patch on each side -> whether each of the four convolutions is pooled by 2
_POOLED = {4: (False, False, True, True), 16: (True, True, True, True)}


class SpikformerConv2dBN(nn.Module):
    """A convolution without bias, its normalisation, and a maximum pooling by 2 where ``pool``.

    ``[T, N, in_channels, H, W]`` in step mode 'm' (the default here), ``[N, in_channels, H, W]`` in 's'.

    :param in_channels: channels of the input
    :param out_channels: channels of the output
    :param kernel_size: of the convolution
    :param stride: of the convolution
    :param padding: of the convolution
    :param pool: whether the maximum of 3x3 places is taken, with stride 2
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        stride: int = 1,
        padding: int = 0,
        pool: bool = False,
    ) -> None:
        super().__init__()
        self.block = nn.Sequential(
            layer.Conv2d(in_channels, out_channels, kernel_size, stride=stride, padding=padding, bias=False),
            layer.BatchNorm2d(out_channels),
        )
        if pool:
            self.block.append(layer.MaxPool2d(kernel_size=3, stride=2, padding=1))
        set_step_mode(self, "m")

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.block(x)


class SpikformerConv2dBNLIF(nn.Module):
    """:class:`SpikformerConv2dBN`, with its parameters, and neurons behind it.

    :param spiking_neuron: class of the neurons; None for the paper's LIF neurons, ``tau=2.0, detach_reset=True``
    :param kwargs: keywords of the neurons

    :raises TypeError: if ``spiking_neuron`` is no class of neurons
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        stride: int = 1,
        padding: int = 0,
        pool: bool = False,
        spiking_neuron: Neuron | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__()
        self.conv_bn = SpikformerConv2dBN(in_channels, out_channels, kernel_size, stride, padding, pool)
        self.neuron = _neuron_maker(self, spiking_neuron, kwargs)()
        set_step_mode(self, kwargs.get("step_mode", "m"))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.neuron(self.conv_bn(x))


class SpikformerPatchStem(nn.Module):
    """Spiking patch splitting: four convolutions make the patches, one more adds their relative places.

    ``[T, N, in_channels, H, W]`` to ``[T, N, embed_dims, H / patch_size, W / patch_size]``, rounded up, in step mode
    'm' (the default here), and one time step in 's'. Images of other sizes than given go through as well;
    ``grid_size`` and ``num_patches`` are those of the size given.

    :param img_size_h: rows of an image
    :param img_size_w: columns of an image
    :param patch_size: 4 or 16 pixels on each side
    :param in_channels: channels of the images
    :param embed_dims: channels of a patch, a multiple of 8
    :param spiking_neuron: class of the neurons; None for the paper's LIF neurons, ``tau=2.0, detach_reset=True``
    :param kwargs: keywords of the neurons

    :raises ValueError: (also an AssertionError) for another ``patch_size``, or ``embed_dims`` that are no multiple of 8
    :raises TypeError: if ``spiking_neuron`` is no class of neurons
    """

    def __init__(
        self,
        img_size_h: int = 224,
        img_size_w: int = 224,
        patch_size: int = 16,
        in_channels: int = 3,
        embed_dims: int = 256,
        spiking_neuron: Neuron | None = None,
        **kwargs: Any,
    ) -> None:
        if patch_size not in _POOLED:
            raise ArgumentValueError(f"{type(self).__name__}: patch_size must be 4 or 16, but {patch_size} was given.")
        check_positive_int(self, "img_size_h", img_size_h)
        check_positive_int(self, "img_size_w", img_size_w)
        check_divisible(self, "embed_dims", embed_dims, 8, "the four convolutions have 1/8, 1/4, 1/2 and all of them")
        super().__init__()
        self.image_size = (img_size_h, img_size_w)
        self.patch_size = patch_size
        self.embed_dims = embed_dims
        self.grid_size = (-(-img_size_h // patch_size), -(-img_size_w // patch_size))
        self.num_patches = self.grid_size[0] * self.grid_size[1]
        channels = (in_channels, embed_dims // 8, embed_dims // 4, embed_dims // 2, embed_dims)
        self.stages = nn.Sequential(
            *(
                SpikformerConv2dBNLIF(before, after, 3, 1, 1, pool, spiking_neuron, **kwargs)
                for before, after, pool in zip(channels, channels[1:], _POOLED[patch_size], strict=False)
            )
        )
        self.positional_encoding = SpikformerConv2dBNLIF(
            embed_dims, embed_dims, 3, 1, 1, spiking_neuron=spiking_neuron, **kwargs
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        patches = self.stages(x)
        return patches + self.positional_encoding(patches)


class SpikformerMLP(nn.Module):
    """Two linear layers over the channels, each with normalisation and neurons: ``[T, N, in_features, L]`` to
    ``[T, N, out_features, L]`` in step mode 'm' (the default here), ``[N, in_features, L]`` in 's'.

    :param in_features: channels of the input
    :param hidden_features: channels between the layers
    :param out_features: channels of the output
    :param spiking_neuron: class of the neurons; None for the paper's LIF neurons, ``tau=2.0, detach_reset=True``
    :param kwargs: keywords of the neurons

    :raises TypeError: if ``spiking_neuron`` is no class of neurons
    """

    def __init__(
        self,
        in_features: int,
        hidden_features: int,
        out_features: int,
        spiking_neuron: Neuron | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__()
        make_neuron = _neuron_maker(self, spiking_neuron, kwargs)
        self.fc1 = _linear_over_channels(in_features, hidden_features)
        self.neuron1 = make_neuron()
        self.fc2 = _linear_over_channels(hidden_features, out_features)
        self.neuron2 = make_neuron()
        set_step_mode(self, kwargs.get("step_mode", "m"))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.neuron2(self.fc2(self.neuron1(self.fc1(x))))


class SpikformerBlock(nn.Module):
    """Self-attention and perceptron, each with a shortcut: ``[T, N, dim, H, W]`` to the same shape in step mode 'm'
    (the default here), ``[N, dim, H, W]`` in 's'.

    :param dim: number of channels
    :param num_heads: number of heads, a divisor of ``dim``
    :param mlp_ratio: hidden channels of the perceptron for each channel
    :param spiking_neuron: class of the neurons; None for the paper's LIF neurons, ``tau=2.0, detach_reset=True``, and
        in the attention ``v_threshold=0.5``
    :param kwargs: keywords of the neurons

    :raises ValueError: (also an AssertionError) if ``num_heads`` does not divide ``dim``, or if ``mlp_ratio <= 0``
    :raises TypeError: if ``spiking_neuron`` is no class of neurons
    """

    def __init__(
        self, dim: int, num_heads: int, mlp_ratio: float = 4.0, spiking_neuron: Neuron | None = None, **kwargs: Any
    ) -> None:
        check_above(self, "mlp_ratio", float(mlp_ratio), 0.0)
        super().__init__()
        self.attn = layer.SpikingSelfAttention(dim, num_heads, spiking_neuron, **kwargs)
        self.mlp = SpikformerMLP(dim, int(dim * mlp_ratio), dim, spiking_neuron, **kwargs)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        tokens = x.flatten(-2)
        tokens = tokens + self.attn(tokens)
        return (tokens + self.mlp(tokens)).unflatten(-1, x.shape[-2:])


def _neuron_maker(owner: nn.Module, spiking_neuron: Neuron | None, keywords: dict[str, Any]) -> Any:
    return neuron_maker(type(owner).__name__, spiking_neuron, keywords, tau=2.0, detach_reset=True)


def _linear_over_channels(in_features: int, out_features: int) -> nn.Sequential:
    return nn.Sequential(
        layer.Conv1d(in_features, out_features, kernel_size=1, bias=False), layer.BatchNorm1d(out_features)
    )
