"""Neurons, surrogate gradients, layers, encoders and tools that work on tensors ``[N, *]`` and ``[T, N, *]``."""

from typing import Any

from spikingjelly import _former_names
from spikingjelly.activation_based import _later_names

_former_names.find_modules_as(_later_names.table(__name__))

_REPLACED = {
    "neuron_cupy": "neuron, whose classes run in a derived kernel with backend='cupy'",
    "neuron_cupy_lite": "neuron, whose classes run in a derived kernel with backend='cupy'",
}


def __getattr__(name: str) -> Any:
    if name in _REPLACED:
        raise ImportError(f"spikingjelly.activation_based.{name} does not exist. Use {_REPLACED[name]}.")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
