"""Neurons of the former extension in C++: those of :mod:`spikingjelly.clock_driven.neuron`."""

from spikingjelly.clock_driven.neuron import BaseNode, IFNode, LIFNode, MultiStepIFNode, MultiStepLIFNode

__all__ = ["BaseNode", "IFNode", "LIFNode", "MultiStepIFNode", "MultiStepLIFNode"]
