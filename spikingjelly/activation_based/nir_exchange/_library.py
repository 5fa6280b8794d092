"""The package ``nir``, which defines the format."""

import importlib
from typing import Any


def nir_library() -> Any:
    """The module ``nir``.

    :raises ImportError: if it isn't installed; the message tells how to install it
    """
    try:
        return importlib.import_module("nir")
    except ImportError as error:
        raise ImportError(
            "The exchange with NIR needs the package 'nir'. Install it with: pip install spikingjelly[nir]"
        ) from error
