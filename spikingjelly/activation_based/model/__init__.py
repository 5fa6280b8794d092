"""Published networks; each takes the class of its neurons, and its step mode as any other network."""

import importlib
from typing import Any

_HOMES = {
    "AttMSResNet": "masnn",
    "MASNN": "masnn",
    "MaxFormer": "maxformer",
    "MaxResNet": "max_resnet",
    "att_ms_resnet18": "masnn",
    "masnn_dvs128_gesture": "masnn",
    "max_resnet18": "max_resnet",
    "maxformer_10_384": "maxformer",
    "maxformer_cifar": "maxformer",
    "MSResNet": "ms_resnet",
    "ms_resnet18": "ms_resnet",
    "ms_resnet34": "ms_resnet",
    "QKFormer": "qkformer",
    "qkformer_10_384": "qkformer",
    "SpikeDrivenTransformer": "spike_driven_transformer",
    "sdt_8_384": "spike_driven_transformer",
    "Spikformer": "spikformer",
    "spikformer_cifar10": "spikformer",
    "spikformer_s": "spikformer",
    "spikformer_ti": "spikformer",
}


def __getattr__(name: str) -> Any:
    """The networks that the 2.0 releases offer here, from their modules, which are imported only then."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
