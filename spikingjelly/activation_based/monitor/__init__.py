"""Record what flows through the modules of a network, while it runs."""

from spikingjelly.activation_based.monitor._base import BaseMonitor, unpack_len1_tuple
from spikingjelly.activation_based.monitor._firing_rates import FiringRateWriter
from spikingjelly.activation_based.monitor._gpu import GPUMonitor
from spikingjelly.activation_based.monitor._histogram import Histogram
from spikingjelly.activation_based.monitor._layers import (
    AttributeMonitor,
    GradInputMonitor,
    GradOutputMonitor,
    InputMonitor,
    OutputMonitor,
)
from spikingjelly.activation_based.monitor._reductions import Reduction, histogram

__all__ = [
    "AttributeMonitor",
    "BaseMonitor",
    "FiringRateWriter",
    "GPUMonitor",
    "GradInputMonitor",
    "GradOutputMonitor",
    "Histogram",
    "InputMonitor",
    "OutputMonitor",
    "Reduction",
    "histogram",
    "unpack_len1_tuple",
]
