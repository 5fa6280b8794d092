"""Packages that only an extra of this one installs: what is said where they are missing."""

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def needing(package: str, purpose: str, extra: str, otherwise: str = "") -> Iterator[None]:
    """What is imported inside is there, or an error says how to install it.

    :param package: as people know it
    :param purpose: what needs it; the message begins with it
    :param extra: the extra of this package that brings it
    :param otherwise: what to do without it, behind the message
    :raises ImportError: if something can't be imported
    """
    try:
        yield
    except ImportError as error:
        raise ImportError(
            f"{purpose} needs {package}, which can't be imported ({error}). "
            f'Install it with: pip install "spikingjelly[{extra}]"{otherwise}'
        ) from error


def imported(module: str, purpose: str, extra: str) -> Any:
    """The module, or the error of :func:`needing`."""
    with needing(module.split(".")[0], purpose, extra):
        return importlib.import_module(module)
