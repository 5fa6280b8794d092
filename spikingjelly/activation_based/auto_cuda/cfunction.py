"""The former statements of CUDA C. Each can be imported; a call says what replaces it."""

from spikingjelly.activation_based.auto_cuda import _replaced

_NAMES = [
    "abs",
    "add",
    "atan_backward",
    "constant",
    "div",
    "exp",
    "fake_numerical_gradient_backward",
    "float2half2",
    "greater_equal",
    "greater_than",
    "heaviside",
    "if_else",
    "if_else_else",
    "leaky_k_relu_backward",
    "log_tailed_relu_backward",
    "maximum",
    "minimal",
    "mul",
    "neg",
    "piecewise_leaky_relu_backward",
    "power",
    "q_pseudo_spike_backward",
    "s2nn_backward",
    "sigmoid",
    "sigmoid_backward",
    "sub",
    "wrap_return_codes",
]

globals().update(_replaced.functions("cfunction", _NAMES))
