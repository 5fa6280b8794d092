"""Layers whose class, or whose argument of ``forward``, had another name."""

from typing import Any

import torch

from spikingjelly.activation_based import layer


class SynapseFilter(layer.SynapseFilter):
    """:class:`spikingjelly.activation_based.layer.SynapseFilter` of ``in_spikes`` ``[N, *]``."""

    def forward(self, in_spikes: torch.Tensor) -> Any:
        return super().forward(in_spikes)


class DropConnectLinear(layer.DropConnectLinear):
    """:class:`spikingjelly.activation_based.layer.DropConnectLinear` of ``input`` ``[N, in_features]``."""

    def forward(self, input: torch.Tensor) -> Any:
        return super().forward(input)


class MultiStepTemporalWiseAttention(layer.TemporalWiseAttention):
    """:class:`spikingjelly.activation_based.layer.TemporalWiseAttention` of ``[T, N, *]``."""


class MultiStepThresholdDependentBatchNorm1d(layer.ThresholdDependentBatchNorm1d):
    """:class:`spikingjelly.activation_based.layer.ThresholdDependentBatchNorm1d` of ``[T, N, C(, L)]``."""

    def forward(self, x_seq: torch.Tensor) -> Any:
        return super().forward(x_seq)


class MultiStepThresholdDependentBatchNorm2d(layer.ThresholdDependentBatchNorm2d):
    """:class:`spikingjelly.activation_based.layer.ThresholdDependentBatchNorm2d` of ``[T, N, C, H, W]``."""

    def forward(self, x_seq: torch.Tensor) -> Any:
        return super().forward(x_seq)


class MultiStepThresholdDependentBatchNorm3d(layer.ThresholdDependentBatchNorm3d):
    """:class:`spikingjelly.activation_based.layer.ThresholdDependentBatchNorm3d` of ``[T, N, C, D, H, W]``."""

    def forward(self, x_seq: torch.Tensor) -> Any:
        return super().forward(x_seq)
