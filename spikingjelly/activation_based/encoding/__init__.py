"""Encoders: from values, such as the pixels of an image, to spikes."""

import math
from abc import abstractmethod

import torch
import torch.nn.functional as F
from torch import nn

from spikingjelly.activation_based import base, functional
from spikingjelly.activation_based.encoding._latency import LatencyEncoder
from spikingjelly.activation_based.encoding._periodic import PeriodicEncoder
from spikingjelly.activation_based.encoding._phase import WeightedPhaseEncoder
from spikingjelly.activation_based.encoding._poisson import PoissonEncoder
from spikingjelly.activation_based.encoding._population import (
    PopEncoder,
    PopSpikeEncoderDeterministic,
    PopSpikeEncoderRandom,
)
from spikingjelly.activation_based.encoding._step import StatefulEncoder, StatelessEncoder

# Published programs write `from spikingjelly.activation_based.encoding import *` and use what this module imports.
__all__ = [
    "F",
    "LatencyEncoder",
    "PeriodicEncoder",
    "PoissonEncoder",
    "PopEncoder",
    "PopSpikeEncoderDeterministic",
    "PopSpikeEncoderRandom",
    "StatefulEncoder",
    "StatelessEncoder",
    "WeightedPhaseEncoder",
    "abstractmethod",
    "base",
    "functional",
    "math",
    "nn",
    "torch",
]
