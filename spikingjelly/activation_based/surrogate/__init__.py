"""Surrogate functions: a Heaviside step forward, a smooth slope backward.

Each class ``ATan`` has a lower-case autograd function ``atan`` (``surrogate.atan.apply(x, alpha)``) and what such a
function's ``backward`` returns, ``atan_backward(grad_output, x, alpha)``: the gradient of ``x``, and None for each
parameter. Both are made from the class.
"""

import math

import torch
import torch.nn.functional as F
from torch import nn

from spikingjelly.activation_based.surrogate._base import (
    MultiArgsSurrogateFunctionBase,
    SurrogateFunctionBase,
    gradients_of,
    heaviside,
)
from spikingjelly.activation_based.surrogate._checks import check_cuda_grad, check_manual_grad
from spikingjelly.activation_based.surrogate._counts import (
    MultiLevelSpikeCount,
    PoissonPass,
    multi_level_spike_count,
    poisson_pass,
)
from spikingjelly.activation_based.surrogate._piecewise import (
    DeterministicPass,
    LeakyKReLU,
    PiecewiseLeakyReLU,
    PiecewiseQuadratic,
    Rect,
)
from spikingjelly.activation_based.surrogate._series_and_logs import (
    S2NN,
    FakeNumericalGradient,
    LogTailedReLU,
    NonzeroSignLogAbs,
    SquarewaveFourierSeries,
)
from spikingjelly.activation_based.surrogate._sigmoidal import (
    ATan,
    Erf,
    PiecewiseExp,
    QPseudoSpike,
    Sigmoid,
    SoftSign,
    SuperSpike,
)

# Published programs write `from spikingjelly.activation_based.surrogate import *` and use what this module imports.
__all__ = [
    "S2NN",
    "ATan",
    "DeterministicPass",
    "Erf",
    "F",
    "FakeNumericalGradient",
    "LeakyKReLU",
    "LogTailedReLU",
    "MultiArgsSurrogateFunctionBase",
    "MultiLevelSpikeCount",
    "NonzeroSignLogAbs",
    "PiecewiseExp",
    "PiecewiseLeakyReLU",
    "PiecewiseQuadratic",
    "PoissonPass",
    "QPseudoSpike",
    "Rect",
    "Sigmoid",
    "SoftSign",
    "SquarewaveFourierSeries",
    "SuperSpike",
    "SurrogateFunctionBase",
    "check_cuda_grad",
    "check_manual_grad",
    "heaviside",
    "math",
    "multi_level_spike_count",
    "nn",
    "poisson_pass",
    "torch",
]

_FUNCTION_NAMES: dict[str, type[SurrogateFunctionBase]] = {
    "atan": ATan,
    "deterministic_pass": DeterministicPass,
    "erf": Erf,
    "fake_numerical_gradient": FakeNumericalGradient,
    "leaky_k_relu": LeakyKReLU,
    "log_tailed_relu": LogTailedReLU,
    "nonzero_sign_log_abs": NonzeroSignLogAbs,
    "piecewise_exp": PiecewiseExp,
    "piecewise_leaky_relu": PiecewiseLeakyReLU,
    "piecewise_quadratic": PiecewiseQuadratic,
    "q_pseudo_spike": QPseudoSpike,
    "rect": Rect,
    "s2nn": S2NN,
    "sigmoid": Sigmoid,
    "soft_sign": SoftSign,
    "squarewave_fourier_series": SquarewaveFourierSeries,
    "super_spike": SuperSpike,
}
for _name, _surrogate in _FUNCTION_NAMES.items():
    globals()[_name] = _surrogate._function
    globals()[f"{_name}_backward"] = gradients_of(_surrogate)
    __all__ += [_name, f"{_name}_backward"]

_has_cuda_ = [_surrogate.__name__ for _surrogate in _FUNCTION_NAMES.values()]
