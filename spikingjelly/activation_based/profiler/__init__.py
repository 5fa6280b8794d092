"""What a network costs (:func:`profile`), and which of its layers are dead or saturated (:func:`health`)."""

from spikingjelly import _former_names
from spikingjelly.activation_based.profiler._energy import EnergyCosts
from spikingjelly.activation_based.profiler._health import health
from spikingjelly.activation_based.profiler._health_report import Finding, HealthReport, LayerHealth
from spikingjelly.activation_based.profiler._layers import LayerProfile
from spikingjelly.activation_based.profiler._profile import profile
from spikingjelly.activation_based.profiler._report import ProfileReport

__all__ = [
    "EnergyCosts",
    "Finding",
    "HealthReport",
    "LayerHealth",
    "LayerProfile",
    "ProfileReport",
    "health",
    "profile",
]

_TIMES = "profile(net, x), or torch.profiler for the times of CUDA kernels"
__getattr__ = _former_names.refusing(
    __name__,
    {
        "BaseProfiler": "profile(net, x)",
        "CategoryMemoryProfiler": "memopt.memory_plan, or torch.cuda.memory_summary",
        "HookProfiler": "profile(net, x)",
        "LayerWiseBPCUDATimeProfiler": _TIMES,
        "LayerWiseFPCUDATimeProfiler": _TIMES,
        "LayerWiseMemoryProfiler": "memopt.memory_plan, or torch.cuda.memory_summary",
    },
)
