"""Packages that only some formats need."""

import importlib
from typing import Any


def needs(module: str, what: str, package: str, extra: str = "datasets") -> Any:
    """The module, or an error that says what to install."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ImportError(f'Reading {what} needs {package}: pip install "spikingjelly[{extra}]"') from error
