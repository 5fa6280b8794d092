"""The packages that write and run ONNX files."""

from typing import Any

from spikingjelly._extras import imported


def library(name: str) -> Any:
    """The module ``name``: 'onnx', 'onnxruntime' or 'onnxscript'.

    :raises ImportError: if it isn't installed; the message tells how to install it
    """
    return imported(name, "The exchange with ONNX", "onnx")
