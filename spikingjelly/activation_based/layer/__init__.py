"""Layers with step modes: ``[N, *]`` in step mode 's' and ``[T, N, *]`` in 'm'."""

import logging
import math
from collections.abc import Callable
from typing import List, Optional, Tuple, Union  # noqa: UP035

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from spikingjelly.activation_based import base, functional
from spikingjelly.activation_based.layer.attention import MultiDimensionalAttention, TemporalWiseAttention
from spikingjelly.activation_based.layer.containers import (
    MultiStepContainer,
    SeqToANNContainer,
    StepModeContainer,
    TLastMultiStepContainer,
    TLastSeqToANNContainer,
)
from spikingjelly.activation_based.layer.convolution import (
    Conv1d,
    Conv2d,
    Conv3d,
    ConvTranspose1d,
    ConvTranspose2d,
    ConvTranspose3d,
)
from spikingjelly.activation_based.layer.delay import Delay
from spikingjelly.activation_based.layer.drop_connect import DropConnectLinear
from spikingjelly.activation_based.layer.dropout import Dropout, Dropout2d
from spikingjelly.activation_based.layer.linear import Flatten, Linear, Upsample
from spikingjelly.activation_based.layer.norm_through_time import (
    BatchNormThroughTime1d,
    BatchNormThroughTime2d,
    BatchNormThroughTime3d,
)
from spikingjelly.activation_based.layer.normalization import (
    BatchNorm1d,
    BatchNorm2d,
    BatchNorm3d,
    GroupNorm,
    ThresholdDependentBatchNorm1d,
    ThresholdDependentBatchNorm2d,
    ThresholdDependentBatchNorm3d,
)
from spikingjelly.activation_based.layer.ottt import GradwithTrace, OTTTSequential, ReplaceforGrad, SpikeTraceOp
from spikingjelly.activation_based.layer.pooling import (
    AdaptiveAvgPool1d,
    AdaptiveAvgPool2d,
    AdaptiveAvgPool3d,
    AvgPool1d,
    AvgPool2d,
    AvgPool3d,
    MaxPool1d,
    MaxPool2d,
    MaxPool3d,
)
from spikingjelly.activation_based.layer.recurrent import ElementWiseRecurrentContainer, LinearRecurrentContainer
from spikingjelly.activation_based.layer.self_attention import (
    ChannelQKAttention,
    QKAttention,
    SpikeDrivenSelfAttention,
    SpikingSelfAttention,
    TokenQKAttention,
)
from spikingjelly.activation_based.layer.spike_counts import SpikeCountToBinary, TemporalBinSum
from spikingjelly.activation_based.layer.synapse import NeuNorm, SynapseFilter
from spikingjelly.activation_based.layer.temporal_norm import (
    TemporalEffectiveBatchNorm1d,
    TemporalEffectiveBatchNorm2d,
    TemporalEffectiveBatchNorm3d,
    TemporalEffectiveBatchNormNd,
)
from spikingjelly.activation_based.layer.unpooling import MaxUnpool1d, MaxUnpool2d, MaxUnpool3d
from spikingjelly.activation_based.layer.voting import PrintShapeModule, VotingLayer
from spikingjelly.activation_based.layer.weight_standardization import WSConv2d, WSLinear

# Published programs write `from spikingjelly.activation_based.layer import *` and use what this module imports.
__all__ = [
    "AdaptiveAvgPool1d",
    "AdaptiveAvgPool2d",
    "AdaptiveAvgPool3d",
    "AvgPool1d",
    "AvgPool2d",
    "AvgPool3d",
    "BatchNorm1d",
    "BatchNorm2d",
    "BatchNorm3d",
    "BatchNormThroughTime1d",
    "BatchNormThroughTime2d",
    "BatchNormThroughTime3d",
    "Callable",
    "ChannelQKAttention",
    "Conv1d",
    "Conv2d",
    "Conv3d",
    "ConvTranspose1d",
    "ConvTranspose2d",
    "ConvTranspose3d",
    "Delay",
    "DropConnectLinear",
    "Dropout",
    "Dropout2d",
    "ElementWiseRecurrentContainer",
    "F",
    "Flatten",
    "GradwithTrace",
    "GroupNorm",
    "Linear",
    "LinearRecurrentContainer",
    "List",
    "MaxPool1d",
    "MaxPool2d",
    "MaxPool3d",
    "MaxUnpool1d",
    "MaxUnpool2d",
    "MaxUnpool3d",
    "MultiDimensionalAttention",
    "MultiStepContainer",
    "NeuNorm",
    "OTTTSequential",
    "Optional",
    "PrintShapeModule",
    "QKAttention",
    "ReplaceforGrad",
    "SeqToANNContainer",
    "SpikeCountToBinary",
    "SpikeDrivenSelfAttention",
    "SpikeTraceOp",
    "SpikingSelfAttention",
    "StepModeContainer",
    "SynapseFilter",
    "TLastMultiStepContainer",
    "TLastSeqToANNContainer",
    "TemporalBinSum",
    "TemporalEffectiveBatchNorm1d",
    "TemporalEffectiveBatchNorm2d",
    "TemporalEffectiveBatchNorm3d",
    "TemporalEffectiveBatchNormNd",
    "TemporalWiseAttention",
    "Tensor",
    "ThresholdDependentBatchNorm1d",
    "ThresholdDependentBatchNorm2d",
    "ThresholdDependentBatchNorm3d",
    "TokenQKAttention",
    "Tuple",
    "Union",
    "Upsample",
    "VotingLayer",
    "WSConv2d",
    "WSLinear",
    "base",
    "functional",
    "logging",
    "math",
    "nn",
    "torch",
]
