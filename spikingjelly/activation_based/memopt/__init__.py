"""Training with less memory: what is kept of a forward pass for the backward pass, and what is computed again."""

from spikingjelly import _former_names
from spikingjelly.activation_based.memopt._checkpoint import checkpoint
from spikingjelly.activation_based.memopt._optimize import optimize_memory
from spikingjelly.activation_based.memopt._plan import MemoryPlan, memory_plan

__all__ = ["MemoryPlan", "checkpoint", "memory_plan", "optimize_memory"]

_PACKED = "functional.packed_spikes, which packs what layers keep for the backward pass"
__getattr__ = _former_names.refusing(
    __name__,
    {
        "BitSpikeCompressor": _PACKED,
        "BooleanSpikeCompressor": _PACKED,
        "SparseSpikeCompressor": _PACKED,
        "SpikeCompressor": _PACKED,
        "Uint8SpikeCompressor": _PACKED,
        "checkpoint_module": "checkpoint(module)",
    },
)
