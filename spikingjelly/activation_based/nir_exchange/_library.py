"""The package ``nir``, which defines the format."""

from typing import Any

from spikingjelly.activation_based._extra_library import extra_library


def nir_library() -> Any:
    """The module ``nir``.

    :raises ImportError: if it isn't installed; the message tells how to install it
    """
    return extra_library("nir", "The exchange with NIR", "nir")
