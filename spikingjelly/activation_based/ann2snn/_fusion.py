"""Batch norm in evaluation mode, folded into the convolution or linear layer before it."""

from typing import Any

import torch
from torch import fx, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval, fuse_linear_bn_eval

_BATCH_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)
_PAIRS: tuple[tuple[type[nn.Module], tuple[type[nn.Module], ...]], ...] = (
    (nn.Conv1d, (nn.BatchNorm1d,)),
    (nn.Conv2d, (nn.BatchNorm2d,)),
    (nn.Conv3d, (nn.BatchNorm3d,)),
    (nn.Linear, (nn.BatchNorm1d,)),
)


def fuse_graph(net: fx.GraphModule) -> fx.GraphModule:
    """Fold each batch norm that alone reads the output of a convolution or linear layer. Changes ``net``.

    Layers that are called several times stay as they are.
    """
    targets = [node.target for node in net.graph.nodes if node.op == "call_module"]
    for node in list(net.graph.nodes):
        before = node.args[0] if node.args else None
        if node.op != "call_module" or not isinstance(before, fx.Node) or before.op != "call_module":
            continue
        layer, norm = net.get_submodule(str(before.target)), net.get_submodule(str(node.target))
        called_once = targets.count(before.target) == targets.count(node.target) == 1
        if called_once and len(before.users) == 1 and fits(layer, norm):
            _set_submodule(net, str(before.target), fused(layer, norm))
            node.replace_all_uses_with(before)
            net.graph.erase_node(node)
    net.delete_all_unused_submodules()
    net.graph.lint()
    net.recompile()
    return net


def fuse_sequentials(net: nn.Module) -> None:
    """Fold each batch norm that follows a convolution or linear layer in a Sequential. Changes ``net``.

    The batch norms become :class:`torch.nn.Identity`, so that no other layer gets another name.
    """
    parts = [id(child) for module in net.modules() for child in module._modules.values()]
    for sequential in [module for module in net.modules() if type(module) is nn.Sequential]:
        for index in range(len(sequential) - 1):
            layer, norm = sequential[index], sequential[index + 1]
            if fits(layer, norm) and parts.count(id(layer)) == parts.count(id(norm)) == 1:
                sequential[index], sequential[index + 1] = fused(layer, norm), nn.Identity()


def fits(layer: Any, norm: Any) -> bool:
    """Whether ``norm`` is a batch norm that can be folded into ``layer``."""
    plain = type(norm) in _BATCH_NORMS and norm.running_var is not None and not norm.training
    return plain and any(type(layer) is kind and isinstance(norm, norms) for kind, norms in _PAIRS)


def fused(layer: Any, norm: Any) -> nn.Module:
    """One layer that does what ``layer`` and ``norm`` do."""
    with torch.no_grad():
        if norm.weight is None:  # without affine: the fusion wants factors
            norm.weight = nn.Parameter(torch.ones_like(norm.running_var))
            norm.bias = nn.Parameter(torch.zeros_like(norm.running_var))
        return fuse_linear_bn_eval(layer, norm) if isinstance(layer, nn.Linear) else fuse_conv_bn_eval(layer, norm)


def _set_submodule(net: nn.Module, target: str, module: nn.Module) -> None:
    path, _, name = target.rpartition(".")
    setattr(net.get_submodule(path), name, module)
