"""The packages that read and write weights and talk to the Hugging Face hub."""

import importlib
from typing import Any


def library(name: str) -> Any:
    """The module ``name``: 'safetensors', 'safetensors.torch' or 'huggingface_hub'.

    :raises ImportError: if it isn't installed; the message tells how to install it
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ImportError(
            f"Sharing networks needs the package {name.split('.')[0]!r}. Install it with: pip install spikingjelly[hub]"
        ) from error
