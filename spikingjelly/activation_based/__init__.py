"""Neurons, surrogate gradients, layers, encoders and tools that work on tensors ``[N, *]`` and ``[T, N, *]``."""

from typing import Any

from spikingjelly import _former_names
from spikingjelly.activation_based import _later_names

_former_names.find_modules_as(_later_names.table(__name__))

_REPLACED = {
    "neuron_cupy": "neuron, whose classes run in a derived kernel with backend='cupy'",
    "neuron_cupy_lite": "neuron, whose classes run in a derived kernel with backend='cupy'",
    "op_counter": "profiler, which counts operations, spikes and energy",
    "precision": "torch.autocast, which networks run under",
    "distributed": "torch.nn.parallel and model.train_classify, which trains in several processes",
    "triton_kernel": "backend='triton', for which kernels are derived",
    "model.snas_net": "a network of layer and neuron; the architectures that were searched are not here",
    "model.spike_dhs": "a network of layer and neuron; the architectures that were searched are not here",
}
_former_names.say_what_replaces({f"{__name__}.{name}": instead for name, instead in _REPLACED.items()})


def __getattr__(name: str) -> Any:
    if name in _REPLACED:
        raise ImportError(f"spikingjelly.activation_based.{name} does not exist. Use {_REPLACED[name]}.")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
