"""What a network costs (:func:`profile`), and which of its layers are dead or saturated (:func:`health`)."""

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
