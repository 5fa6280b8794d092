"""Which pre- and which postsynaptic neuron a weight connects: sums of products of their activities, in its shape."""

import functools
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.grad import conv1d_weight, conv2d_weight, conv3d_weight

from spikingjelly.activation_based._checks import describe, name_of

SYNAPSES = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)
WeightFunction = Callable[[torch.Tensor], torch.Tensor]
_WEIGHT_GRADIENT: dict[int, Callable[..., torch.Tensor]] = {1: conv1d_weight, 2: conv2d_weight, 3: conv3d_weight}


def weigh(
    synapse: Any, f_pre: WeightFunction, f_post: WeightFunction, potentiation: torch.Tensor, depression: torch.Tensor
) -> torch.Tensor:
    """The change that follows from the correlations, each times its function of the weights."""
    weight = synapse.weight.detach()
    return (f_post(weight) * potentiation - f_pre(weight) * depression).to(weight.dtype)


def correlation(synapse: Any, pre: torch.Tensor, post: torch.Tensor) -> torch.Tensor:
    r""":math:`C = \sum_n \sum_{(i, j) \sim w} x_j^n y_i^n` in the shape of the weight.

    The inner sum is over all pairs of a presynaptic neuron :math:`j` and a postsynaptic one :math:`i` that the weight
    connects: one pair for a Linear, one for each place of the kernel for a convolution. That is the gradient of the
    weight for the input ``pre`` ``[N, *]`` and the gradient ``post`` ``[N, *]`` of the output. For a convolution the
    result is float64: see ``_weight_gradient``.
    """
    if isinstance(synapse, nn.Linear):
        return post.reshape(-1, post.shape[-1]).T @ pre.reshape(-1, pre.shape[-1])
    at_once = _samples_at_once(pre, post)
    parts = zip(pre.split(at_once), post.split(at_once), strict=True)
    shape, groups = synapse.weight.shape, synapse.groups
    return functools.reduce(
        torch.add, (_weight_gradient(synapse, _padded(synapse, x), shape, y, groups) for x, y in parts)
    )


def correlation_of_each(synapse: Any, pre: torch.Tensor, post: torch.Tensor) -> torch.Tensor:
    """:func:`correlation` for each sample by itself: ``[N, *weight.shape]``."""
    if isinstance(synapse, nn.Linear):
        batch = pre.shape[0]
        pre, post = (x.reshape(batch, -1, x.shape[-1]) for x in (pre, post))
        return torch.bmm(post.transpose(1, 2), pre)
    padded = _padded(synapse, pre)
    batch, shape = pre.shape[0], synapse.weight.shape
    # A group of channels for each sample: no group sees the channels of another.
    gradient = _weight_gradient(
        synapse,
        padded.flatten(0, 1).unsqueeze(0),
        (batch * shape[0], *shape[1:]),
        post.flatten(0, 1).unsqueeze(0),
        batch * synapse.groups,
    )
    return gradient.view(batch, *shape)


def check_synapse(owner: Any, synapse: Any, classes: tuple[type[nn.Module], ...] = SYNAPSES) -> None:
    """``synapse`` must be one of ``classes``.

    :raises NotImplementedError: if it is not
    """
    if not isinstance(synapse, classes):
        names = [cls.__name__ for cls in classes]
        raise NotImplementedError(
            f"{name_of(owner)}: a synapse must be a {' or '.join(names)} of torch.nn or of activation_based.layer, "
            f"but {describe(synapse)} was given."
        )


def check_activities(owner: Any, synapse: nn.Module, pre: torch.Tensor, post: torch.Tensor) -> None:
    """``pre`` must be an input ``[N, *]`` of ``synapse`` and ``post`` have the shape of its output.

    :raises ValueError: that says which shape is expected
    """
    layout, fits = _input_layout(synapse, pre)
    if not fits:
        raise ValueError(
            f"{name_of(owner)}: the input of the synapse must have shape {layout} in each time step, but has shape "
            f"{list(pre.shape)}. The step modes must be those of the data."
        )
    expected = _output_shape(synapse, pre)
    if list(post.shape) != expected:
        raise ValueError(
            f"{name_of(owner)}: for an input of shape {list(pre.shape)} the spikes of the neurons must have the shape "
            f"of the synapse's output, {expected}, in each time step, but have shape {list(post.shape)}. Nothing that "
            "changes the shape may stand between the synapse and its neurons."
        )


def _input_layout(synapse: Any, pre: torch.Tensor) -> tuple[str, bool]:
    if isinstance(synapse, nn.Linear):
        return f"[N, *, {synapse.in_features}]", pre.dim() > 1 and pre.shape[-1] == synapse.in_features
    space = ("L", "H, W", "D, H, W")[len(synapse.kernel_size) - 1]
    fits = pre.dim() == len(synapse.kernel_size) + 2 and pre.shape[1] == synapse.in_channels
    return f"[N, {synapse.in_channels}, {space}]", fits


def _output_shape(synapse: Any, pre: torch.Tensor) -> list[int]:
    if isinstance(synapse, nn.Linear):
        return [*pre.shape[:-1], synapse.out_features]
    sizes = zip(pre.shape[2:], _paddings(synapse), synapse.dilation, synapse.kernel_size, synapse.stride, strict=True)
    places = [(size + sum(pad) - d * (k - 1) - 1) // stride + 1 for size, pad, d, k, stride in sizes]
    return [pre.shape[0], synapse.out_channels, *places]


def _paddings(conv: Any) -> list[tuple[int, int]]:
    """(before, after) for each dimension of space."""
    if conv.padding == "valid":
        return [(0, 0)] * len(conv.kernel_size)
    if conv.padding == "same":
        totals = [d * (k - 1) for d, k in zip(conv.dilation, conv.kernel_size, strict=True)]
        return [(total // 2, total - total // 2) for total in totals]
    return [(pad, pad) for pad in conv.padding]


def _padded(conv: Any, x: torch.Tensor) -> torch.Tensor:
    """What the kernel slides over."""
    last_first = [amount for pad in reversed(_paddings(conv)) for amount in pad]
    if not any(last_first):
        return x
    return F.pad(x, last_first, "constant" if conv.padding_mode == "zeros" else conv.padding_mode)


def _samples_at_once(pre: torch.Tensor, post: torch.Tensor) -> int:
    """So many that their float64 copies stay in the cache of a CPU, which is two to three times as fast."""
    if pre.device.type != "cpu":
        return len(pre)
    return max(1, 2**16 // (pre[0].numel() + post[0].numel()))


def _weight_gradient(
    conv: Any, padded: torch.Tensor, shape: tuple[int, ...], post: torch.Tensor, groups: int
) -> torch.Tensor:
    # Changes are differences of sums over all places, and those of float32 convolutions are off by up to 1e-5.
    wide = padded.dtype if padded.device.type == "mps" else torch.float64
    gradient = _WEIGHT_GRADIENT[len(conv.kernel_size)]
    return gradient(
        padded.to(wide), shape, post.to(wide), stride=conv.stride, padding=0, dilation=conv.dilation, groups=groups
    )
