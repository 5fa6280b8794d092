"""Integer inference: a trained network with int8 weights and int32 potentials, computed exactly on the CPU."""

from spikingjelly.activation_based.integer.network import IntegerNetwork, quantize_network
from spikingjelly.activation_based.integer.node import IntegerNode
from spikingjelly.activation_based.integer.synapse import (
    IntegerFlatten,
    IntegerMaxPool2d,
    IntegerSumPool2d,
    IntegerSynapse,
)

__all__ = [
    "IntegerFlatten",
    "IntegerMaxPool2d",
    "IntegerNetwork",
    "IntegerNode",
    "IntegerSumPool2d",
    "IntegerSynapse",
    "quantize_network",
]
