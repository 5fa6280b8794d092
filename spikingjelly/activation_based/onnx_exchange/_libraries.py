"""The packages that write and run ONNX files."""

from typing import Any

from spikingjelly.activation_based._extra_library import extra_library


def library(name: str) -> Any:
    """The module ``name``: 'onnx', 'onnxruntime' or 'onnxscript'.

    :raises ImportError: if it isn't installed; the message tells how to install it
    """
    return extra_library(name, "The exchange with ONNX", "onnx")
