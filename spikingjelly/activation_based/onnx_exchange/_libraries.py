"""The packages that write and run ONNX files."""

import importlib
from typing import Any


def library(name: str) -> Any:
    """The module ``name``: 'onnx', 'onnxruntime' or 'onnxscript'.

    :raises ImportError: if it isn't installed; the message tells how to install it
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ImportError(
            f"The exchange with ONNX needs the package {name!r}. Install it with: pip install spikingjelly[onnx]"
        ) from error
