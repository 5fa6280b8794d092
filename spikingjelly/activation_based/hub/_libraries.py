"""The packages that read and write weights and talk to the Hugging Face hub."""

from typing import Any

from spikingjelly._extras import imported


def library(name: str) -> Any:
    """The module ``name``: 'safetensors', 'safetensors.torch' or 'huggingface_hub'.

    :raises ImportError: if it isn't installed; the message tells how to install it
    """
    return imported(name, "Sharing networks", "hub")
