"""Layers: those of :mod:`spikingjelly.activation_based.layer` under their old names, and a few that only existed here.

A layer of ``torch.nn`` takes a sequence inside :class:`SeqToANNContainer`, a single-step node inside
:class:`MultiStepContainer`.
"""

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from spikingjelly.activation_based.layer import (
    ElementWiseRecurrentContainer,
    LinearRecurrentContainer,
    MultiStepContainer,
    NeuNorm,
    PrintShapeModule,
    SeqToANNContainer,
)
from spikingjelly.activation_based.spike_op import SpikeConv1d, SpikeConv2d, SpikeConv3d, SpikeLinear
from spikingjelly.clock_driven import base, functional
from spikingjelly.clock_driven.layer._conv_bn import ConvBatchNorm2d
from spikingjelly.clock_driven.layer._dropout import Dropout, Dropout2d, MultiStepDropout, MultiStepDropout2d
from spikingjelly.clock_driven.layer._renamed import (
    DropConnectLinear,
    MultiStepTemporalWiseAttention,
    MultiStepThresholdDependentBatchNorm1d,
    MultiStepThresholdDependentBatchNorm2d,
    MultiStepThresholdDependentBatchNorm3d,
    SynapseFilter,
)
from spikingjelly.clock_driven.layer._stdp import STDPLearner
from spikingjelly.clock_driven.layer._transforms import AXAT, DCT, ChannelsPool

# Published programs write `from spikingjelly.clock_driven.layer import *` and use what this module imports.
__all__ = [
    "AXAT",
    "DCT",
    "Callable",
    "ChannelsPool",
    "ConvBatchNorm2d",
    "DropConnectLinear",
    "Dropout",
    "Dropout2d",
    "ElementWiseRecurrentContainer",
    "F",
    "LinearRecurrentContainer",
    "MultiStepContainer",
    "MultiStepDropout",
    "MultiStepDropout2d",
    "MultiStepTemporalWiseAttention",
    "MultiStepThresholdDependentBatchNorm1d",
    "MultiStepThresholdDependentBatchNorm2d",
    "MultiStepThresholdDependentBatchNorm3d",
    "NeuNorm",
    "PrintShapeModule",
    "STDPLearner",
    "SeqToANNContainer",
    "SpikeConv1d",
    "SpikeConv2d",
    "SpikeConv3d",
    "SpikeLinear",
    "SynapseFilter",
    "Tensor",
    "base",
    "functional",
    "math",
    "nn",
    "torch",
]
