"""Spiking neurons: single-step classes, and multi-step classes whose names begin with ``MultiStep``."""

import logging
import math
from abc import abstractmethod
from collections.abc import Callable

import numpy as np
import torch
from torch import nn

from spikingjelly import _former_names, configure
from spikingjelly.activation_based import lava_exchange, neuron_kernel
from spikingjelly.activation_based.base import check_backend_library as check_backend
from spikingjelly.clock_driven import base, cu_kernel_opt, surrogate
from spikingjelly.clock_driven.neuron._multi_step import (
    MultiStepEIFNode,
    MultiStepGeneralNode,
    MultiStepIFNode,
    MultiStepLIFNode,
    MultiStepParametricLIFNode,
)
from spikingjelly.clock_driven.neuron._node import BaseNode
from spikingjelly.clock_driven.neuron._single_step import (
    AdaptiveBaseNode,
    EIFNode,
    GeneralNode,
    IFNode,
    LIAFNode,
    LIFNode,
    ParametricLIFNode,
    QIFNode,
)

# Published programs write `from spikingjelly.clock_driven.neuron import *` and use what this module imports.
__all__ = [
    "AdaptiveBaseNode",
    "BaseNode",
    "Callable",
    "EIFNode",
    "GeneralNode",
    "IFNode",
    "LIAFNode",
    "LIFNode",
    "MultiStepEIFNode",
    "MultiStepGeneralNode",
    "MultiStepIFNode",
    "MultiStepLIFNode",
    "MultiStepParametricLIFNode",
    "ParametricLIFNode",
    "QIFNode",
    "abstractmethod",
    "base",
    "check_backend",
    "configure",
    "cu_kernel_opt",
    "lava_exchange",
    "logging",
    "math",
    "neuron_kernel",
    "nn",
    "np",
    "surrogate",
    "torch",
]

__getattr__ = _former_names.refusing(
    __name__,
    {
        "AdaptThresholdNode": "a subclass of BaseNode whose neuronal_fire has the threshold that adapts",
        "PLIFNode": "ParametricLIFNode",
        "RIFNode": "a subclass of BaseNode whose neuronal_charge has the weight of the neuron on itself",
    },
)
