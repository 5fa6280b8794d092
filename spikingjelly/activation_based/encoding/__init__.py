"""Encoders: from values, such as the pixels of an image, to spikes."""

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

__all__ = [
    "LatencyEncoder",
    "PeriodicEncoder",
    "PoissonEncoder",
    "PopEncoder",
    "PopSpikeEncoderDeterministic",
    "PopSpikeEncoderRandom",
    "StatefulEncoder",
    "StatelessEncoder",
    "WeightedPhaseEncoder",
]
