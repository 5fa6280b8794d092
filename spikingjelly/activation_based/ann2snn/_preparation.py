"""The ANN as a graph in which every call of an activation or of max pooling is a module of its own."""

import copy
import inspect
from typing import Any

import torch
import torch.nn.functional as F
from torch import fx, nn

from spikingjelly.activation_based import base
from spikingjelly.activation_based.ann2snn.qcfs import QCFS

ACTIVATIONS = (nn.ReLU, nn.ReLU6, QCFS)
MAX_POOLS = (
    nn.MaxPool1d, nn.MaxPool2d, nn.MaxPool3d, nn.AdaptiveMaxPool1d, nn.AdaptiveMaxPool2d, nn.AdaptiveMaxPool3d,
)  # fmt: skip
DROPOUTS = (nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d, nn.AlphaDropout, nn.FeatureAlphaDropout)

_DROPOUT_FUNCTIONS = (F.dropout, F.dropout1d, F.dropout2d, F.dropout3d, F.alpha_dropout, F.feature_alpha_dropout)

FUNCTIONS: dict[Any, type[nn.Module]] = {
    F.relu: nn.ReLU,
    F.relu_: nn.ReLU,
    torch.relu: nn.ReLU,
    torch.relu_: nn.ReLU,
    "relu": nn.ReLU,
    "relu_": nn.ReLU,
    F.relu6: nn.ReLU6,
    F.max_pool1d: nn.MaxPool1d,
    F.max_pool2d: nn.MaxPool2d,
    F.max_pool3d: nn.MaxPool3d,
    torch.max_pool1d: nn.MaxPool1d,
    torch.max_pool2d: nn.MaxPool2d,
    torch.max_pool3d: nn.MaxPool3d,
    F.adaptive_max_pool1d: nn.AdaptiveMaxPool1d,
    F.adaptive_max_pool2d: nn.AdaptiveMaxPool2d,
    F.adaptive_max_pool3d: nn.AdaptiveMaxPool3d,
}
_POOL_ARGUMENTS = ("kernel_size", "stride", "padding", "dilation", "ceil_mode", "return_indices")
_ARGUMENTS = {
    nn.ReLU: ("inplace",),
    nn.ReLU6: ("inplace",),
    nn.AdaptiveMaxPool1d: ("output_size", "return_indices"),
    nn.AdaptiveMaxPool2d: ("output_size", "return_indices"),
    nn.AdaptiveMaxPool3d: ("output_size", "return_indices"),
}
_IN_PLACE = (F.relu_, torch.relu_, "relu_")


class _Tracer(fx.Tracer):
    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return isinstance(m, (base.StepModule, QCFS)) or super().is_leaf_module(m, module_qualified_name)


def trace(ann: nn.Module) -> fx.GraphModule:
    """``ann`` as a graph.

    Arguments of its forward that have defaults keep them, but for floats, unless the forward branches on them.

    :raises Exception: of any kind, where torch.fx can't follow the forward
    """
    parameters = inspect.signature(ann.forward).parameters.values()
    defaults = {p.name: p.default for p in parameters if p.default is not inspect.Parameter.empty}
    fixed = {name: value for name, value in defaults.items() if type(value) is not float}
    try:
        graph = _Tracer().trace(ann, concrete_args=fixed or None)
    except Exception:  # of any kind, as where the forward branches on a float
        graph = _Tracer().trace(ann, concrete_args=defaults or None)
    return fx.GraphModule(ann, graph, type(ann).__name__)


def separate(net: fx.GraphModule) -> fx.GraphModule:
    """Give each call of an activation or of max pooling a module of its own, and take dropout out. Changes ``net``.

    ``F.relu(x)``, ``torch.relu(x)``, ``x.relu()`` and their like become modules, and a module that is called several
    times gets a copy for each further call, because each call will need a state of its own.
    """
    seen: set[str] = set()
    for node in list(net.graph.nodes):
        module = _called_module(net, node)
        if isinstance(module, DROPOUTS) or _is_inactive_dropout(node):
            node.replace_all_uses_with(node.args[0])
            net.graph.erase_node(node)
            continue
        if node.op == "call_method" and node.target == "view" and not isinstance(node.args[-1], torch.dtype):
            node.target = "reshape"  # the same where a view exists, and it need not exist with time in the batch
        if node.op in ("call_function", "call_method") and node.target in FUNCTIONS:
            module = _as_module(node)
            _call_instead(net, node, module, free_name(net, _owner_of(node), node.name))
        if isinstance(module, ACTIVATIONS + MAX_POOLS):
            if node.target in seen:
                module = copy.deepcopy(module)
                _call_instead(net, node, module, free_name(net, *_path_and_name(node.target)))
            seen.add(str(node.target))
            _apply_in_place(node, module)
    net.delete_all_unused_submodules()
    net.graph.lint()
    net.recompile()
    return net


def calls(net: fx.GraphModule, kinds: tuple[type[nn.Module], ...]) -> list[fx.Node]:
    """The nodes that call a module of one of ``kinds``, in the order of the forward pass."""
    return [node for node in net.graph.nodes if isinstance(_called_module(net, node), kinds)]


def free_name(net: nn.Module, path: str, name: str) -> str:
    """``path.name``, with a number behind it if ``net`` has such an attribute already."""
    owner = net.get_submodule(path) if path else net
    chosen, number = name, 0
    while hasattr(owner, chosen):
        number += 1
        chosen = f"{name}_{number}"
    return f"{path}.{chosen}" if path else chosen


def _called_module(net: fx.GraphModule, node: fx.Node) -> nn.Module | None:
    return net.get_submodule(str(node.target)) if node.op == "call_module" else None


def _is_inactive_dropout(node: fx.Node) -> bool:
    training = node.args[2] if len(node.args) > 2 else node.kwargs.get("training", True)
    return node.op == "call_function" and node.target in _DROPOUT_FUNCTIONS and training is False


def _path_and_name(target: Any) -> tuple[str, str]:
    path, _, name = str(target).rpartition(".")
    return path, name


def _owner_of(node: fx.Node) -> str:
    """The path of the module in whose forward the function is called."""
    stack = node.meta.get("nn_module_stack") or {}
    return str(next(reversed(stack.values()))[0]) if stack else ""


def _as_module(node: fx.Node) -> nn.Module:
    """The module that does what the function of ``node`` does."""
    kind = FUNCTIONS[node.target]
    names = _ARGUMENTS.get(kind, _POOL_ARGUMENTS)
    arguments = {**dict(zip(names, node.args[1:], strict=False)), **node.kwargs}
    if node.target in _IN_PLACE:
        arguments["inplace"] = True
    return kind(**{name: value for name, value in arguments.items() if name != "input"})


def _call_instead(net: fx.GraphModule, node: fx.Node, module: nn.Module, name: str) -> None:
    """Let ``node`` call ``module`` under ``name``."""
    net.add_submodule(name, module)
    node.op, node.target = "call_module", name
    node.args, node.kwargs = (node.args[0] if node.args else node.kwargs["input"],), {}


def _apply_in_place(node: fx.Node, module: nn.Module) -> None:
    """Who later reads the input of an operation in place reads its output."""
    if not getattr(module, "inplace", False):
        return
    source = node.all_input_nodes[0]
    source.replace_all_uses_with(node, delete_user_cb=lambda user: user is not node and _is_after(user, node))
    setattr(module, "inplace", False)  # noqa: B010


def _is_after(node: fx.Node, other: fx.Node) -> bool:
    return node > other
