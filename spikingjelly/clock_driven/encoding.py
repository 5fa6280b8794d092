"""Encoders: those of :mod:`spikingjelly.activation_based.encoding`, whose ``single_step_encode`` is ``encode`` here."""

import math
from abc import abstractmethod

import torch
import torch.nn.functional as F
from torch import nn

from spikingjelly.activation_based import encoding as today
from spikingjelly.activation_based.encoding import PoissonEncoder, StatelessEncoder
from spikingjelly.clock_driven import base

__all__ = [
    "F",
    "LatencyEncoder",
    "PeriodicEncoder",
    "PoissonEncoder",
    "StatefulEncoder",
    "StatelessEncoder",
    "WeightedPhaseEncoder",
    "abstractmethod",
    "base",
    "math",
    "nn",
    "torch",
]


class StatefulEncoder(today.StatefulEncoder):
    """:class:`spikingjelly.activation_based.encoding.StatefulEncoder`; a subclass writes :meth:`encode`.

    :param T: time steps of an encoded input, at least 1
    """

    def encode(self, x: torch.Tensor) -> None:
        """Set ``self.spike`` ``[T, N, *]`` from an input ``[N, *]``."""
        super().single_step_encode(x)  # type: ignore[safe-super]

    def single_step_encode(self, x: torch.Tensor) -> None:
        self.encode(x)


class LatencyEncoder(StatefulEncoder, today.LatencyEncoder):
    """:class:`spikingjelly.activation_based.encoding.LatencyEncoder`."""


class PeriodicEncoder(StatefulEncoder, today.PeriodicEncoder):
    """:class:`spikingjelly.activation_based.encoding.PeriodicEncoder`."""


class WeightedPhaseEncoder(StatefulEncoder, today.WeightedPhaseEncoder):
    """:class:`spikingjelly.activation_based.encoding.WeightedPhaseEncoder`."""
