"""Spiking neurons, one family a file. The equation of a neuron stands in its ``neuronal_*`` methods."""

from spikingjelly.activation_based import base, surrogate
from spikingjelly.activation_based.neuron._node import BaseNode
from spikingjelly.activation_based.neuron.adaptive import AdaptBaseNode
from spikingjelly.activation_based.neuron.exponential import EIFNode
from spikingjelly.activation_based.neuron.integrate_and_fire import IFNode
from spikingjelly.activation_based.neuron.izhikevich import IzhikevichNode
from spikingjelly.activation_based.neuron.klif import KLIFNode
from spikingjelly.activation_based.neuron.liaf import LIAFNode
from spikingjelly.activation_based.neuron.lif import LIFNode
from spikingjelly.activation_based.neuron.plif import ParametricLIFNode
from spikingjelly.activation_based.neuron.quadratic import QIFNode

__all__ = [
    "AdaptBaseNode",
    "BaseNode",
    "EIFNode",
    "IFNode",
    "IzhikevichNode",
    "KLIFNode",
    "LIAFNode",
    "LIFNode",
    "ParametricLIFNode",
    "QIFNode",
    "base",
    "surrogate",
]
