"""Surrogate functions: those of :mod:`spikingjelly.activation_based.surrogate`."""

from spikingjelly.activation_based.surrogate import *  # noqa: F403
from spikingjelly.activation_based.surrogate import __all__ as __all__
