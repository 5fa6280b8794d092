"""The package ``nir``, which defines the format."""

from typing import Any

from spikingjelly._extras import imported


def nir_library() -> Any:
    """The module ``nir``.

    :raises ImportError: if it isn't installed; the message tells how to install it
    """
    return imported("nir", "The exchange with NIR", "nir")
