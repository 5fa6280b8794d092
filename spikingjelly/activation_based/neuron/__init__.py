"""Spiking neurons, one family a file. The equation of a neuron stands in its ``neuronal_*`` methods."""

import importlib
import logging
import math
from abc import abstractmethod
from collections.abc import Callable
from types import ModuleType

import numpy as np
import torch
from torch import nn

from spikingjelly import configure
from spikingjelly.activation_based import base, surrogate
from spikingjelly.activation_based.neuron._node import BaseNode
from spikingjelly.activation_based.neuron.adaptive import AdaptBaseNode
from spikingjelly.activation_based.neuron.complementary import ComplementaryLIFNode
from spikingjelly.activation_based.neuron.cuba import CLIFNode
from spikingjelly.activation_based.neuron.dsr import DSRIFNode, DSRLIFNode
from spikingjelly.activation_based.neuron.exponential import EIFNode
from spikingjelly.activation_based.neuron.few_spike import (
    FewSpikeNode,
    FewSpikeTable,
    HGNode,
    OutlierAwareThresholdNode,
)
from spikingjelly.activation_based.neuron.flexsn import FlexSN
from spikingjelly.activation_based.neuron.for_conversion import ActivationAwareIFNode, HalfThresholdIFNode
from spikingjelly.activation_based.neuron.gated_lif import GatedLIFNode
from spikingjelly.activation_based.neuron.ilc import ILCBaseNode, ILCCLIFNode, ILCIFNode, ILCLIFNode
from spikingjelly.activation_based.neuron.ilif import ILIFNode
from spikingjelly.activation_based.neuron.integrate_and_fire import IFNode
from spikingjelly.activation_based.neuron.izhikevich import IzhikevichNode
from spikingjelly.activation_based.neuron.klif import KLIFNode
from spikingjelly.activation_based.neuron.liaf import LIAFNode
from spikingjelly.activation_based.neuron.lif import LIFNode
from spikingjelly.activation_based.neuron.mpbn import MPBNBaseNode, MPBNLIFNode
from spikingjelly.activation_based.neuron.noisy import NoisyBaseNode, NoisyCLIFNode, NoisyILCBaseNode, NoisyILCCLIFNode
from spikingjelly.activation_based.neuron.noisy_non_spiking import NoisyNonSpikingBaseNode, NoisyNonSpikingIFNode
from spikingjelly.activation_based.neuron.non_spiking import NonSpikingBaseNode, NonSpikingIFNode, NonSpikingLIFNode
from spikingjelly.activation_based.neuron.online import OTTTLIFNode, SLTTLIFNode
from spikingjelly.activation_based.neuron.plif import ParametricLIFNode
from spikingjelly.activation_based.neuron.psn import PSN, MaskedPSN, SlidingPSN
from spikingjelly.activation_based.neuron.quadratic import QIFNode
from spikingjelly.activation_based.neuron.resonate import RAFNode
from spikingjelly.activation_based.neuron.simple import SimpleBaseNode, SimpleIFNode, SimpleLIFNode
from spikingjelly.activation_based.neuron.spikezip import STBIFNode
from spikingjelly.activation_based.neuron.ternary import TernaryIFNode, TernaryLIFNode

# The names in later releases
CUBALIFNode = CLIFNode
ILCCUBALIFNode = ILCCLIFNode
NoisyCUBALIFNode = NoisyCLIFNode
NoisyILCCUBALIFNode = NoisyILCCLIFNode

# Published programs write `from spikingjelly.activation_based.neuron import *` and use what this module imports.
__all__ = [
    "PSN",
    "ActivationAwareIFNode",
    "AdaptBaseNode",
    "BaseNode",
    "CLIFNode",
    "CUBALIFNode",
    "Callable",
    "ComplementaryLIFNode",
    "DSRIFNode",
    "DSRLIFNode",
    "EIFNode",
    "FewSpikeNode",
    "FewSpikeTable",
    "FlexSN",
    "GatedLIFNode",
    "HGNode",
    "HalfThresholdIFNode",
    "IFNode",
    "ILCBaseNode",
    "ILCCLIFNode",
    "ILCCUBALIFNode",
    "ILCIFNode",
    "ILCLIFNode",
    "ILIFNode",
    "IzhikevichNode",
    "KLIFNode",
    "LIAFNode",
    "LIFNode",
    "MPBNBaseNode",
    "MPBNLIFNode",
    "MaskedPSN",
    "NoisyBaseNode",
    "NoisyCLIFNode",
    "NoisyCUBALIFNode",
    "NoisyILCBaseNode",
    "NoisyILCCLIFNode",
    "NoisyILCCUBALIFNode",
    "NoisyNonSpikingBaseNode",
    "NoisyNonSpikingIFNode",
    "NonSpikingBaseNode",
    "NonSpikingIFNode",
    "NonSpikingLIFNode",
    "OTTTLIFNode",
    "OutlierAwareThresholdNode",
    "ParametricLIFNode",
    "QIFNode",
    "RAFNode",
    "SLTTLIFNode",
    "STBIFNode",
    "SimpleBaseNode",
    "SimpleIFNode",
    "SimpleLIFNode",
    "SlidingPSN",
    "TernaryIFNode",
    "TernaryLIFNode",
    "abstractmethod",
    "ac_neuron_kernel",
    "base",
    "configure",
    "cuda_utils",
    "logging",
    "math",
    "neuron_kernel",
    "nn",
    "np",
    "surrogate",
    "torch",
]

_LATER = {
    "ac_neuron_kernel": "spikingjelly.activation_based.auto_cuda.neuron_kernel",
    "cuda_utils": "spikingjelly.activation_based.cuda_utils",
    "neuron_kernel": "spikingjelly.activation_based.neuron_kernel",
}


def __getattr__(name: str) -> ModuleType:
    # These modules are made of neurons, so they can't be imported before them.
    if name in _LATER:
        return importlib.import_module(_LATER[name])
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
