"""Encoders: those of :mod:`spikingjelly.activation_based.encoding`."""

import math

import torch
import torch.nn.functional as F
from torch import nn

from spikingjelly.activation_based.encoding import (
    LatencyEncoder,
    PeriodicEncoder,
    PoissonEncoder,
    StatefulEncoder,
    StatelessEncoder,
    WeightedPhaseEncoder,
)
from spikingjelly.clock_driven import base

__all__ = [
    "F",
    "LatencyEncoder",
    "PeriodicEncoder",
    "PoissonEncoder",
    "StatefulEncoder",
    "StatelessEncoder",
    "WeightedPhaseEncoder",
    "base",
    "math",
    "nn",
    "torch",
]
