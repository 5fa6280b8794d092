"""What a converted network computes otherwise than the ANN, found before it is run."""

import logging
from typing import Any

from torch import fx, nn

from spikingjelly.activation_based.ann2snn._spiking import SpikingActivation

_logger = logging.getLogger("spikingjelly.activation_based.ann2snn")

_CURVED_MODULES = (
    nn.Sigmoid, nn.Tanh, nn.GELU, nn.SiLU, nn.Mish, nn.ELU, nn.CELU, nn.SELU, nn.LeakyReLU, nn.PReLU, nn.RReLU,
    nn.Softplus, nn.Softsign, nn.Hardsigmoid, nn.Hardswish, nn.Hardtanh, nn.GLU, nn.Softmax, nn.LogSoftmax,
    nn.Softmin, nn.LayerNorm, nn.GroupNorm, nn.InstanceNorm1d, nn.InstanceNorm2d, nn.InstanceNorm3d,
    nn.LocalResponseNorm, nn.MultiheadAttention, nn.LSTM, nn.GRU, nn.RNN,
)  # fmt: skip
_CURVED_NAMES = (
    "sigmoid", "tanh", "gelu", "silu", "mish", "elu", "celu", "selu", "leaky_relu", "prelu", "rrelu", "softplus",
    "softsign", "hardsigmoid", "hardswish", "hardtanh", "glu", "softmax", "log_softmax", "layer_norm", "group_norm",
    "instance_norm", "clamp", "clip", "clamp_min", "threshold", "hardshrink", "abs", "exp", "log", "sqrt", "rsqrt",
    "pow", "square", "sign", "scaled_dot_product_attention", "max", "min", "amax", "amin", "maximum", "minimum",
    "sort", "topk", "argmax", "normalize", "norm", "var", "std",
)  # fmt: skip
_PRODUCTS = ("mul", "mul_", "matmul", "bmm", "mm", "einsum", "truediv", "div")


def announce_left_over(net: fx.GraphModule, changing: set[fx.Node]) -> None:
    """Log the operations after the first neuron whose mean over time is not their value for the mean."""
    _announce([text for node in net.graph.nodes if node in changing and (text := _left_over(net, node, changing))])


def announce_left_modules(net: nn.Module) -> None:
    """The same for the modules of a network without a graph."""
    _announce([f"{type(module).__name__} {path!r}" for path, module in net.named_modules() if _is_curved(module)])


def announce_pooled_spikes(paths: list[str]) -> None:
    """Log which layers pool the spikes of each step, of which the mean is at least the pooled rate."""
    if paths:
        _logger.info(
            "Max pooling of the spikes of each time step, as published, gives more than the largest rate: %s. "
            "convert(...) pools rates.",
            ", ".join(map(repr, paths)),
        )


def _announce(left: list[str]) -> None:
    if left:
        _logger.warning(
            "These operations are not linear and have not been converted; each acts on every time step by itself, so "
            "that the mean output is not that of the ANN: %s. At the very end of the network, take them out and apply "
            "them to the mean output; elsewhere, use ReLU, pooling and linear operations.",
            "; ".join(left),
        )


def _left_over(net: fx.GraphModule, node: fx.Node, changing: set[fx.Node]) -> str:
    if node.op == "call_module":
        module: Any = net.get_submodule(str(node.target))
        return f"{type(module).__name__} {str(node.target)!r}" if _is_curved(module) else ""
    if node.op not in ("call_function", "call_method"):
        return ""
    name = str(getattr(node.target, "__name__", node.target))
    several = sum(source in changing for source in node.all_input_nodes) > 1
    curved = name in _CURVED_NAMES or (name in _PRODUCTS and several)
    return f"{name} (as {node.name!r})" if curved else ""


def _is_curved(module: nn.Module) -> bool:
    unfixed_norm = isinstance(module, nn.modules.batchnorm._BatchNorm) and module.running_var is None
    return not isinstance(module, SpikingActivation) and (isinstance(module, _CURVED_MODULES) or unfixed_norm)
