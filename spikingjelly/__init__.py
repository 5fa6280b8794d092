"""Spiking neural networks on PyTorch."""

from spikingjelly._version import __version__

__all__ = ["__version__"]
