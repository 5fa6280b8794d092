"""Packages that only an extra of ours installs."""

import importlib
from typing import Any


def extra_library(name: str, purpose: str, extra: str) -> Any:
    """The module ``name``, which what ``purpose`` names needs.

    :raises ImportError: if it isn't installed; the message tells how to install it
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ImportError(
            f"{purpose} needs the package {name.split('.')[0]!r}. Install it with: pip install spikingjelly[{extra}]"
        ) from error
