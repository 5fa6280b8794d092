"""Layers that keep their input spikes as bits until the backward pass, under the names of earlier releases.

Each is PyTorch's inside :func:`spikingjelly.activation_based.functional.packed_spikes`, which does it for a whole
network, without a change in it.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from spikingjelly import _former_names
from spikingjelly.activation_based.functional import packed_spikes

__all__ = [
    "SpikeConv1d",
    "SpikeConv2d",
    "SpikeConv3d",
    "SpikeLinear",
    "spike_conv1d",
    "spike_conv2d",
    "spike_conv3d",
    "spike_linear",
]


@packed_spikes()
def spike_linear(spike: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None = None) -> torch.Tensor:
    """:func:`torch.nn.functional.linear`."""
    return F.linear(spike, weight, bias)


@packed_spikes()
def spike_conv1d(
    spike: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None = None, *how: Any, **more: Any
) -> torch.Tensor:
    """:func:`torch.nn.functional.conv1d`; ``how`` is ``stride, padding, dilation, groups``."""
    return F.conv1d(spike, weight, bias, *how, **more)


@packed_spikes()
def spike_conv2d(
    spike: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None = None, *how: Any, **more: Any
) -> torch.Tensor:
    """:func:`torch.nn.functional.conv2d`; ``how`` is ``stride, padding, dilation, groups``."""
    return F.conv2d(spike, weight, bias, *how, **more)


@packed_spikes()
def spike_conv3d(
    spike: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None = None, *how: Any, **more: Any
) -> torch.Tensor:
    """:func:`torch.nn.functional.conv3d`; ``how`` is ``stride, padding, dilation, groups``."""
    return F.conv3d(spike, weight, bias, *how, **more)


class SpikeLinear(nn.Linear):
    """:class:`torch.nn.Linear` on spikes."""

    def forward(self, spike: torch.Tensor) -> torch.Tensor:
        return spike_linear(spike, self.weight, self.bias)


class SpikeConv1d(nn.Conv1d):
    """:class:`torch.nn.Conv1d` on spikes."""

    forward = packed_spikes()(nn.Conv1d.forward)


class SpikeConv2d(nn.Conv2d):
    """:class:`torch.nn.Conv2d` on spikes."""

    forward = packed_spikes()(nn.Conv2d.forward)


class SpikeConv3d(nn.Conv3d):
    """:class:`torch.nn.Conv3d` on spikes."""

    forward = packed_spikes()(nn.Conv3d.forward)


__getattr__ = _former_names.refusing(
    __name__,
    {"spikeConvolution": "spike_conv1d, spike_conv2d or spike_conv3d", "spikeLinear": "spike_linear"},
)
