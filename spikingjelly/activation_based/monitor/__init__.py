"""Record what flows through the modules of a network, while it runs."""

from spikingjelly.activation_based.monitor._base import BaseMonitor, unpack_len1_tuple
from spikingjelly.activation_based.monitor._gpu import GPUMonitor
from spikingjelly.activation_based.monitor._layers import (
    AttributeMonitor,
    GradInputMonitor,
    GradOutputMonitor,
    InputMonitor,
    OutputMonitor,
)

__all__ = [
    "AttributeMonitor",
    "BaseMonitor",
    "GPUMonitor",
    "GradInputMonitor",
    "GradOutputMonitor",
    "InputMonitor",
    "OutputMonitor",
    "unpack_len1_tuple",
]
